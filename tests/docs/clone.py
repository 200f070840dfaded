"""A copy of this repository as it stands, with the environments and outputs that are there already.

An environment remembers which clone it was made for, and would be made anew for another. So the copy gets folders of
its own that link to what is inside of ours, and say that they are the copy's.
"""

import os
import shutil
import subprocess
from pathlib import Path

from ci import environments
from ci.environments import ROOT

__all__ = ["make_clone"]

ENVIRONMENTS = ("runtime", "export", "lock")
_PERSON = ("-c", "user.name=You", "-c", "user.email=you@example.org", "-c", "commit.gpgsign=false")


def make_clone(folder: Path) -> None:
    """Makes the copy; what is not committed yet is in its one new commit."""
    _git(folder.parent, "clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    _git(folder, "add", "--all")
    _git(folder, *_PERSON, "commit", "--quiet", "--allow-empty", "--message", "As it stands")
    _git(folder, "remote", "remove", "origin")
    _link_environments(folder / ".environments", folder)
    _copy_outputs(folder / "build")


def _link_environments(into: Path, clone: Path) -> None:
    into.mkdir()
    for path in environments.FOLDER.glob("nox-*"):
        (into / path.name).symlink_to(path)
    for name in ENVIRONMENTS:
        made = environments.ready(name)
        (into / made.name).mkdir()
        for entry in made.iterdir():
            if entry.name != "ready":
                (into / made.name / entry.name).symlink_to(entry)
        stamp = (made / "ready").read_text().replace(f"{ROOT} ", f"{clone} ", 1)
        (into / made.name / "ready").write_text(stamp)


def _copy_outputs(build: Path) -> None:
    """Outputs of the checkpoints of this repository; keys do not depend on where a clone lies."""
    for path in (ROOT / "checkpoints").iterdir():
        if (ROOT / "build" / path.name).is_dir():
            shutil.copytree(ROOT / "build" / path.name, build / path.name, symlinks=True)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
