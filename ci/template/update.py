"""The update of a repository from its template, as a commit that nobody has checked out yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ci.checked_yaml import load_checked
from ci.template.git import Entry, Git, Tree
from ci.template.merge import Conflict, merge
from ci.template.origin import PLACE, Origin

__all__ = ["WORKFLOWS", "Kept", "Update", "prepare", "read_kept"]

WORKFLOWS = ".github/workflows/*"
_KEPT = Path("ci/template/kept.yaml")
_SCHEMA = Path(__file__).with_name("kept.schema.yaml")


@dataclass(frozen=True)
class Kept:
    """Files that updates leave alone: a pattern, and what they are to this repository."""

    path: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Update:
    """What an update does.

    Attributes:
        template: The template's address.
        base: The template's commit that this repository held.
        theirs: The template's commit that it is brought up to.
        tree: The id of the files; that of this repository where nothing changes.
        changes: `A`, `M` or `D` for each file that changes, with its path.
        conflicts: Files left as they are because both sides changed them.
        removed: Files that the template changed and this repository has removed.
        kept: Files that the template changed and that are this repository's own, with what they are.
        withheld: Workflow files that the token may not push.
        since: For each file of `conflicts` and `withheld`, the template's commit whose changes are the last it has.
        news: The subjects of the template's commits, newest first.
    """

    template: str
    base: str
    theirs: str
    tree: str
    changes: Sequence[tuple[str, str]]
    conflicts: Sequence[Conflict]
    removed: Sequence[str]
    kept: Mapping[str, str]
    withheld: Sequence[str]
    since: Mapping[str, str]
    news: Sequence[str]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to propose; what is written down about the template does not count."""
        return all(path == PLACE for _, path in self.changes) and not self.conflicts and not self.withheld


def read_kept(root: Path) -> list[Kept]:
    """What a repository keeps for itself.

    Raises:
        BadYaml: The list breaks its schema.
    """
    return [Kept(**entry) for entry in load_checked(root / _KEPT, schema=_SCHEMA)]


def prepare(
    git: Git,
    origin: Origin,
    *,
    template: str,
    base: str,
    ours: str,
    theirs: str,
    kept: Sequence[Kept],
    may_change_workflows: bool,
) -> Update:
    """Merges the template's changes since `base` into `ours`.

    Args:
        git: A repository that has all three commits.
        origin: What the last update wrote down.
        template: The template's address.
        base: The template's commit that this repository holds.
        ours: This repository's commit.
        theirs: The template's commit.
        kept: What is this repository's own.
        may_change_workflows: Whether the result can be pushed if it changes workflow files.

    Raises:
        GitFailed: git refuses.
    """
    before, here, there = git.tree(base), git.tree(ours), git.tree(theirs)
    for path, older in origin.unmerged.items():
        _set(before, path, git.tree(older).get(path))
    own = {path: why for path in _differing(before, there) if (why := _reason(path, kept)) is not None}
    withheld = [
        path
        for path in _differing(before, there)
        if not may_change_workflows and fnmatchcase(path, WORKFLOWS) and there.get(path) != here.get(path)
    ]
    merged = merge(git, base=before, ours=here, theirs=there, leave=lambda path: path in own or path in withheld)
    conflicts = [each for each in merged.conflicts if not each.removed]
    since = {path: origin.unmerged.get(path, base) for path in (*(each.path for each in conflicts), *withheld)}
    written = Origin(repository=template, commit=theirs, unmerged=since)
    merged.tree[PLACE] = Entry("100644", git.write_blob(written.text().encode()))
    return Update(
        template=template,
        base=base,
        theirs=theirs,
        tree=git.write_tree(merged.tree),
        changes=list(_changes(here, merged.tree)),
        conflicts=conflicts,
        removed=[each.path for each in merged.conflicts if each.removed],
        kept={path: why for path, why in own.items() if path != PLACE},
        withheld=withheld,
        since=since,
        news=git.run("log", "--format=%h %s", "--no-merges", f"{base}..{theirs}").decode().splitlines(),
    )


def _set(tree: Tree, path: str, entry: Entry | None) -> None:
    if entry is None:
        tree.pop(path, None)
    else:
        tree[path] = entry


def _differing(one: Tree, other: Tree) -> list[str]:
    return sorted(path for path in {*one, *other} if one.get(path) != other.get(path))


def _reason(path: str, kept: Sequence[Kept]) -> str | None:
    return next((each.why for each in kept if fnmatchcase(path, each.path)), None)


def _changes(before: Tree, after: Tree) -> Iterator[tuple[str, str]]:
    for path in _differing(before, after):
        yield ("A" if path not in before else "D" if path not in after else "M"), path
