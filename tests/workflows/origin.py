"""A repository to run workflows on: this one as it stands, with a change on top, somewhere else on the disk."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ci.environments import FOLDER, ROOT, find
from tests.workflows.events import Event

__all__ = ["Origin", "lend_environments", "snapshot"]


@dataclass(frozen=True)
class Origin:
    """A repository with two commits on its branch `main`.

    Attributes:
        folder: The repository.
        base: The commit before the change.
        head: The change.
    """

    folder: Path
    base: str
    head: str

    def says(self, event: Event) -> Event:
        """A recorded event as it would be about this change."""
        payload = {**event.payload, "before": self.base, "after": self.head}
        if "pull_request" in payload:
            pull = payload["pull_request"]
            ends = {"base": {**pull["base"], "sha": self.base}, "head": {**pull["head"], "sha": self.head}}
            payload["pull_request"] = {**pull, **ends}
        return replace(event, payload=payload, sha=self.head)


def snapshot(
    folder: Path, *, prepare: Callable[[Path], None], change: Callable[[Path], None], without: str = ""
) -> Origin:
    """Makes a repository of the files of this one that git does not ignore, committed or not.

    Args:
        folder: Where it goes.
        without: A folder that is left out.
        prepare: Changes what the first commit holds.
        change: Changes what the second commit holds.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        # a file may be deleted and not yet committed
        if (ROOT / name).is_file() and not (without and name.startswith(f"{without}/")):
            copy = folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    commits = []
    for edit in (prepare, change):
        edit(folder)
        _git(folder, "add", "--all", "--force", ".")
        _git(folder, "commit", "--quiet", "--message", edit.__name__)
        commits.append(_git(folder, "rev-parse", "HEAD").strip())
    return Origin(folder, *commits)


def lend_environments(workspace: Path, *names: str) -> None:
    """Gives a checkout the packages of this repository's environments, under names of its own and without its stamps.

    The files are shared where the disk is the same. The sessions install the project itself again, which is what
    differs between checkouts.
    """
    folder = workspace / ".environments"
    folder.mkdir(parents=True, exist_ok=True)
    ours = [path for path in map(find, names) if path is not None]
    for environment in (*ours, *(path for path in FOLDER.glob("nox-*") if path.is_dir())):
        copy = os.link if environment.stat().st_dev == folder.stat().st_dev else shutil.copy2
        shutil.copytree(environment, folder / environment.name, symlinks=True, copy_function=copy)
        if environment in ours:
            (folder / environment.name / "ready").unlink()


def _git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{role}_{what}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    ).stdout
