"""Which checkpoints a change is about: from the paths that git says differ between two commits."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.errors import UsageError

__all__ = ["Change", "affected", "changed_paths"]

# What no stage runs and no judgement reads. Everything else that is not of one checkpoint counts for all of them: a new
# folder can only judge a model once too often, never once too rarely. Stages whose keys stay are not run again.
_DECIDES_NOTHING = (
    "*.md",
    ".ci/*",
    ".github/*",
    ".git*",
    "LICENSE",
    "ci/advisories/*",
    "ci/bench/*",
    "ci/docs/*",
    "ci/doctor/*",
    "ci/github_api/*",
    "ci/release/*",
    "ci/template/*",
    "scripts/*",
    "tests/*",
)


@dataclass(frozen=True)
class Change:
    """What is to be taken through the stages.

    Attributes:
        checkpoints: Names, in the order of the folder.
        reason: Why these, for people.
        touches_code: Whether more than checkpoints has changed.
    """

    checkpoints: tuple[str, ...]
    reason: str
    touches_code: bool


def changed_paths(base: str, head: str, *, repository: Path) -> list[str] | None:
    """Paths that differ between `head` and its last common commit with `base`; None if git does not know `base`.

    Raises:
        UsageError: git does not know `head`, or this is no repository.
    """
    if not _knows(base, repository):
        return None
    if not _knows(head, repository):
        raise UsageError(f"git knows no commit {head}", fix="fetch the history (actions/checkout: fetch-depth: 0)")
    command = ["git", "diff", "--name-only", "--no-renames", "-z", f"{base}...{head}", "--"]
    done = subprocess.run(command, cwd=repository, capture_output=True, check=True)
    return [path for path in done.stdout.decode(errors="surrogateescape").split("\0") if path]


def affected(paths: Iterable[str] | None, companions: Mapping[str, Sequence[str]]) -> Change:
    """The checkpoints that a change is about.

    Args:
        paths: Those that changed, relative to the repository; None if that is not known.
        companions: The checkpoints there are, each with the names of those that the same server serves.
    """
    everything = tuple(companions)
    if paths is None:
        return Change(everything, "every checkpoint, because none was judged before", touches_code=True)
    relevant = [path for path in paths if not any(fnmatchcase(path, pattern) for pattern in _DECIDES_NOTHING)]
    shared = [path for path in relevant if not path.startswith("checkpoints/")]
    code = any(not path.startswith("checkpoints/") for path in paths)
    if shared:
        more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
        return Change(everything, f"every checkpoint may run what has changed: {shared[0]}{more}", code)
    own = {path.split("/")[1] for path in relevant}
    chosen = tuple(name for name, others in companions.items() if own & {name, *others})
    return Change(chosen, f"changed: {', '.join(chosen)}" if chosen else "no checkpoint has changed", code)


def _knows(commit: str, repository: Path) -> bool:
    command = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{commit}^{{commit}}"]
    return subprocess.run(command, cwd=repository, capture_output=True, check=False).returncode == 0
