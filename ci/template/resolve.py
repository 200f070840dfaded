"""Puts a conflict of an update into the file, as `git merge` would have, for a person to decide."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ci.errors import UnknownTemplate
from ci.template.git import Entry, Git
from ci.template.origin import PLACE, Origin
from pipelines.errors import UsageError
from pipelines.outputs import atomic_file

__all__ = ["resolve"]

_CONFLICTS = range(128)  # merge-file ends with the number of conflicts, and with 255 for an error


def resolve(git: Git, root: Path, origin: Origin, paths: Sequence[str]) -> str:
    """Merges the template's change into files of the working tree and takes them off the list of the unmerged.

    Args:
        git: The repository.
        root: Its working tree.
        origin: What the update wrote down; the branch of the update must be checked out.
        paths: Files of its `unmerged`.

    Returns:
        What to do next.

    Raises:
        UsageError: A file is not unmerged.
        UnknownTemplate: The template cannot be reached at the commit of the update.
        GitFailed: A file is not text.
    """
    strange = [path for path in paths if path not in origin.unmerged]
    if strange:
        raise UsageError(
            f"{', '.join(strange)}: not in conflict with the template",
            why=f"{PLACE} lists as unmerged: {', '.join(origin.unmerged) or 'none'}",
            fix="name one of them; is the branch of the update checked out?",
        )
    if origin.repository is None or origin.commit is None:
        raise UnknownTemplate(f"{PLACE} does not say where the unmerged files come from", fix="run the update again")
    if git.commit_of(origin.commit) is None:
        git.fetch(origin.repository, "HEAD", into="template")
    theirs = git.tree(origin.commit)
    for path in paths:
        base = git.tree(origin.unmerged[path])
        merged = _with_markers(git, root / path, base.get(path), theirs.get(path))
        with atomic_file(root / path, force=True) as partial:
            partial.write_bytes(merged)
            partial.chmod((root / path).stat().st_mode)
    left = {path: since for path, since in origin.unmerged.items() if path not in paths}
    with atomic_file(root / PLACE, force=True) as partial:
        partial.write_text(replace(origin, unmerged=left).text(), encoding="utf-8")
    return f"Edit {', '.join(paths)} between the markers, then: git add {' '.join(paths)} {PLACE} && git commit"


def _with_markers(git: Git, ours: Path, base: Entry | None, theirs: Entry | None) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        sides = []
        for name, entry in (("base", base), ("theirs", theirs)):
            sides.append(Path(temporary) / name)
            sides[-1].write_bytes(git.blob(entry) if entry else b"")
        labels = ("-L", "this repository", "-L", "before", "-L", "the template")
        return git.run("merge-file", "-p", "--diff3", *labels, str(ours), *map(str, sides), accepted=_CONFLICTS)
