"""Whose archives an image is given: NVIDIA's tools read EFF, ours read ours, and the bytes say which a file is."""

from collections.abc import Iterator
from pathlib import Path

from ci.errors import MixedArchives
from ci.runtime import Command
from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.errors import InputError, WrongKey

__all__ = ["check_archives"]

_ARCHIVES = (".riva", ".rmir")


def check_archives(command: Command, *, nvidia: bool) -> None:
    """Compares the archives that a command reads with the tools that shall read them.

    Args:
        command: A command of riva-build or riva-deploy.
        nvidia: Whether the tools are NVIDIA's.

    Raises:
        ForeignArchive: NVIDIA's tools wrote one, and this repository's shall read it.
        MixedArchives: This repository's tools wrote one, and NVIDIA's shall read it.
        InputError: One that our tools shall read is damaged, or no archive.
    """
    for path in _read_by(command):
        if not nvidia:
            _check_ours(path)
        elif _is_ours(path):
            raise MixedArchives(
                f"{path} was made by tools of this repository, and {command.tool} of NVIDIA's image shall read it",
                why="NVIDIA's tools read EFF archives only, and say of others no more than that they cannot",
                fix="begin with the export (no --from), which is NVIDIA's nemo2riva then (--export-image); or take the "
                "images of this repository (--image-prefix)",
            )


def _read_by(command: Command) -> Iterator[Path]:
    """Both tools name archives only: riva-build first the one that it writes, riva-deploy last a folder."""
    archives = [each for each in command.arguments if isinstance(each, Path) and each.suffix in _ARCHIVES]
    yield from archives[1:] if command.tool == "riva-build" else archives


def _check_ours(path: Path) -> None:
    try:
        with Archive.open(EncryptedPath(path)):
            pass
    except WrongKey:  # encrypted as a whole, as ours are; the tool has the key
        return


def _is_ours(path: Path) -> bool:
    try:
        _check_ours(path)
    except InputError:
        return False
    return True
