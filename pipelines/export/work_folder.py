"""The folder for the unpacked checkpoint and the graph: gone with the run, or with the next one if the run was killed.

A run holds a lock in its folder; a folder whose lock is free belongs to a run that was killed.
"""

import errno
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.errors import OutputFailed

__all__ = ["is_full", "work_folder", "work_folder_full"]

_PREFIX = "nemo2riva-"
_LOCK = "lock"


@contextmanager
def work_folder() -> Iterator[Path]:
    """Yields an empty folder below the system's temporary one.

    Raises:
        OutputFailed: The disk is full.
    """
    _remove_litter()
    try:
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, (Path(folder) / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(folder)
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


def _remove_litter() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("w") as held:  # another user's, or gone in between
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)
