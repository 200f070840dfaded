"""What an image is made from, by git: the same commit gives the same labels, whenever and wherever it is built."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Origin"]

_CONTENTS = ("ci/locks", "ci/containers")  # what decides which packages an image holds
_TIME_VARIABLE = "SOURCE_DATE_EPOCH"  # https://reproducible-builds.org/specs/source-date-epoch/


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an image comes from.

    Attributes:
        revision: The commit, with `-dirty` if files differ from it; empty outside of a clone.
        time: Of the commit, in seconds since 1970, or what SOURCE_DATE_EPOCH says.
        contents_time: Of the last commit that changed which packages an image holds.
    """

    revision: str
    time: int
    contents_time: int

    @classmethod
    def of(cls, root: Path) -> "Origin":
        """The origin of what is built from the clone at `root`."""
        chosen = os.environ.get(_TIME_VARIABLE, "")
        revision, time = _git(root, "log", "-1", "--format=%H %ct").split() or ("", "0")
        contents = _git(root, "log", "-1", "--format=%ct", "--", *_CONTENTS).strip() or time
        dirty = "-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else ""
        return cls(revision=revision + dirty, time=int(chosen or time), contents_time=int(chosen or contents))

    @property
    def created(self) -> str:
        """The time as labels have it (RFC 3339): of the commit, not of the build."""
        return datetime.fromtimestamp(self.time, UTC).isoformat()


def _git(root: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):  # no git, or a copy without its history
        return ""
