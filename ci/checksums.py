"""SHA256SUMS beside files: what `sha256sum --check` reads, so that nobody needs this repository to check a folder."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from ci.errors import ReleaseDamaged
from pipelines.digests import file_digest
from pipelines.outputs import atomic_file

__all__ = ["SUMS", "check_sums", "parse_sums", "read_sums", "write_sums"]

SUMS = "SHA256SUMS"
_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[^\0]+)")


def write_sums(folder: Path, extra: Iterable[tuple[str, str]] = ()) -> Path:
    """Writes SHA256SUMS of every file in a folder, at any depth; returns its path.

    Args:
        folder: The folder.
        extra: Names and digests of files that are not there, such as one that is split into parts that are.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    named = [(path.relative_to(folder).as_posix(), file_digest(path)) for path in files]
    lines = [f"{sha256}  {name}\n" for name, sha256 in sorted([*named, *extra])]
    with atomic_file(folder / SUMS, force=True) as partial:
        partial.write_text("".join(lines), encoding="utf-8")
    return folder / SUMS


def read_sums(path: Path) -> dict[str, str]:
    """Digests by name.

    Raises:
        ReleaseDamaged: The file is missing, or a line is not one of `sha256sum`.
    """
    if not path.is_file():
        raise ReleaseDamaged(f"there is no {path}", fix="fetch the folder again, whole")
    return parse_sums(path.read_text(encoding="utf-8", errors="replace"), path.name)


def parse_sums(text: str, name: str) -> dict[str, str]:
    """Digests by name, from the text of such a file.

    Raises:
        ReleaseDamaged: A line is not one of `sha256sum`, or a name is there twice.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match["name"] in sums:
            raise ReleaseDamaged(f"{name}:{number}: not a line of sha256sum, or a name twice: {line[:100]!r}")
        sums[match["name"]] = match["sha256"]
    return sums


def check_sums(folder: Path, *, absent: Collection[str] = (), unlisted: Collection[str] = ()) -> dict[str, str]:
    """Compares every file of a folder with its SHA256SUMS; returns the digests by name.

    Args:
        folder: The folder.
        absent: Names that need not be there, such as those of files that are there in parts.
        unlisted: Names that need not be listed, such as one that is made from SHA256SUMS.

    Raises:
        ReleaseDamaged: A file is missing, was changed, or is not listed.
    """
    sums = read_sums(folder / SUMS)
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != SUMS}
    problems = [f"{name} is missing" for name in sorted(sums.keys() - found - set(absent))]
    problems += [f"{name} is not listed" for name in sorted(found - sums.keys() - set(unlisted))]
    for name in sorted(found & sums.keys()):
        digest = file_digest(folder / name)
        if digest != sums[name]:
            problems.append(f"{name} has sha256 {digest}, expected {sums[name]}")
    if problems:
        raise ReleaseDamaged(
            f"{folder} is not what its {SUMS} says: {'; '.join(problems)}",
            why="a transfer was cut short, or a file was changed afterwards",
            fix="fetch the folder again",
        )
    return sums
