"""Small repositories with real git: a template with a history, and what a team makes of it."""

import os
import subprocess
from pathlib import Path

from ci.environments import ROOT

PERSON = {
    **{
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "P"), ("EMAIL", "p@x"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
KEPT = (ROOT / "ci/template/kept.yaml").read_text()
ORIGIN = (ROOT / "ci/template/origin.yaml").read_text()
LINES = "".join(f"line {number}\n" for number in range(20))

FILES = {
    "ci/template/kept.yaml": KEPT,
    "ci/template/origin.yaml": ORIGIN,
    "ci/targets.yaml": "riva_version: 2.19.0\n",
    "checkpoints/sample/pipeline.yaml": "version: 1.0.0\n",
    ".github/workflows/push.yml": "on: push\n",
    "pipelines/compatibility.yaml": LINES,
    "pipelines/code.py": LINES,
    "pipelines/old_name.py": LINES.upper(),
    "pipelines/unloved.py": "nobody = 1\n",
}


class Repository:
    """A clone that a person works in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        variables = {**os.environ, **PERSON}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes | None], message: str = "A change") -> str:
        """Commits files, or removes those whose content is None; returns the commit."""
        for path, content in files.items():
            place = self.folder / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def show(self, path: str, commit: str = "template-update") -> str | None:
        """A file of a commit; None if it is not there."""
        listed = self.git("ls-tree", "-r", "--name-only", commit).splitlines()
        return self.git("show", f"{commit}:{path}") if path in listed else None


def changed(text: str, number: int, to: str) -> str:
    """`LINES` with one line replaced."""
    return text.replace(f"line {number}\n", f"{to}\n")
