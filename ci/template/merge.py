"""A three-way merge of trees in which a conflict leaves the file as this repository has it.

git's own merge (`git merge-tree --write-tree`, 2.38 or newer) does the work: renames, modes, binary files. What it
cannot decide is never written with conflict markers, which would break YAML and Python alike: the repository's own side
stays, and the conflict is reported.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ci.template.git import Entry, Git, Tree

__all__ = ["Conflict", "Merged", "merge"]

_FOUND_CONFLICTS = 1  # the exit code of merge-tree
_OURS = "2"  # the stage of an index entry
_REMOVALS = ("CONFLICT (modify/delete)", "CONFLICT (rename/delete)")


@dataclass(frozen=True)
class Conflict:
    """A file in which this repository and the template disagree.

    Attributes:
        path: The file.
        what: What git says about it.
        removed: Whether this repository has removed the file that the template changed.
    """

    path: str
    what: str
    removed: bool


@dataclass(frozen=True)
class Merged:
    """A merge.

    Attributes:
        tree: The files.
        conflicts: What was left as it is here, by path.
    """

    tree: Tree
    conflicts: tuple[Conflict, ...]


def merge(git: Git, *, base: Tree, ours: Tree, theirs: Tree, leave: Callable[[str], bool]) -> Merged:
    """Brings into `ours` what changed from `base` to `theirs`.

    Args:
        git: Where the contents are.
        base: What both come from.
        ours: This repository.
        theirs: The template.
        leave: Paths in which the template's changes are not wanted.

    Raises:
        GitFailed: git refuses, for example because it is too old.
    """
    wanted = {path: entry for path, entry in theirs.items() if not leave(path)}
    wanted |= {path: entry for path, entry in base.items() if leave(path)}
    start = git.commit(git.write_tree(base), "base")
    left, right = (git.commit(git.write_tree(tree), name, start) for tree, name in ((ours, "ours"), (wanted, "theirs")))
    answer = git.run(
        *("-c", "merge.directoryRenames=false"),  # a new file of a fork stays where the fork has put it
        *("merge-tree", "--write-tree", "--messages", "-z", left, right),
        accepted=(0, _FOUND_CONFLICTS),
    )
    oid, _, rest = answer.partition(b"\0")
    files, _, messages = rest.partition(b"\0\0") if not rest.startswith(b"\0") else (b"", b"", rest[1:])
    tree, stages = git.tree(oid.decode()), _stages(files)
    for path, entry in stages.items():
        tree.pop(path, None)
        if entry is not None:
            _put_back(tree, path.removesuffix(f"~{left}"), entry)
    conflicts = []
    for kind, path, said in _conflicts(messages):
        removed = kind in _REMOVALS and stages.get(path) is None
        what = said.replace(left, "this repository").replace(right, "the template")
        conflicts.append(Conflict(path.removesuffix(f"~{left}").removesuffix(f"~{right}"), what, removed))
    return Merged(tree, tuple(sorted(conflicts, key=lambda each: each.path)))


def _put_back(tree: Tree, path: str, entry: Entry) -> None:
    """Puts our side of a conflict back, also where a folder of the template has taken the place of our file."""
    for each in [each for each in tree if each.startswith(f"{path}/")]:
        del tree[each]
    tree[path] = entry


def _stages(listed: bytes) -> dict[str, Entry | None]:
    """Our side of each file in conflict; None where our side has none."""
    found: dict[str, Entry | None] = {}
    for line in filter(None, listed.split(b"\0")):
        attributes, _, name = line.partition(b"\t")
        mode, oid, stage = attributes.decode().split()
        path = os.fsdecode(name)
        found.setdefault(path, None)
        if stage == _OURS:
            found[path] = Entry(mode, oid)
    return found


def _conflicts(messages: bytes) -> Iterator[tuple[str, str, str]]:
    """The kind, path and text of each conflict; git also tells of what it merged well."""
    fields = iter(os.fsdecode(field) for field in messages.split(b"\0"))
    for count in fields:
        if not count:  # behind the last
            return
        paths = [next(fields) for _ in range(int(count))]
        kind, text = next(fields), next(fields)
        if kind.startswith("CONFLICT"):
            yield kind, paths[0], text.strip()
