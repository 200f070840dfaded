"""The folder for the unpacked checkpoint and the graph: gone with the run, or with the next one if the run was killed.

A run holds a lock on its folder; a folder whose lock is free belongs to a run that was killed, however much of it that
had removed already.
"""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pipelines.errors import OutputFailed

__all__ = ["is_full", "work_folder", "work_folder_full"]

_PREFIX = "nemo2riva-"
_RANDOM = "[a-z0-9_]" * 8  # what tempfile adds


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yields an empty folder below the system's temporary one.

    Raises:
        OutputFailed: The disk is full.
    """
    _remove_litter()
    try:
        with ExitStack() as held:
            folder = _new_folder(held)
            try:
                yield folder
            finally:
                shutil.rmtree(folder)
    except OSError as error:
        if not is_full(error):
            raise
        raise work_folder_full(error) from error


def is_full(error: BaseException) -> bool:
    """Says whether an error means that a disk or a quota is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def work_folder_full(error: BaseException) -> OutputFailed:
    """Returns the error for a full disk, whichever process met it."""
    return OutputFailed(
        f"cannot write to the work folder below {tempfile.gettempdir()}: {error}",
        "an export needs about three times the size of the checkpoint there",
        "free space, or set TMPDIR to a folder on a larger disk",
    )


def _new_folder(held: ExitStack) -> Path:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with suppress(FileNotFoundError, BlockingIOError):  # a run that began meanwhile took it for litter
            held.enter_context(_locked(folder))
            if folder.is_dir():
                return folder


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock on a folder.

    Raises:
        BlockingIOError: Another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_litter() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}{_RANDOM}"):
        with suppress(OSError), _locked(folder):  # another user's, in use, or gone in between
            shutil.rmtree(folder)
