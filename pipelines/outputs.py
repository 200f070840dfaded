"""Outputs that are whole or not there: written beside their final name, then renamed.

A dead run leaves at most a temporary sibling, which the next run of the same output removes. While an output is being
written, a lock on `.<name>.lock` tells a second writer so; the kernel drops it when the writer dies.
"""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from pipelines.errors import OutputBusy, OutputExists, OutputFailed

__all__ = ["atomic_directory", "atomic_file"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_SUCH_PLACE = (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EFBIG)
_REFUSALS = (*_FULL, *_NOT_WRITABLE, *_NO_SUCH_PLACE)


@contextmanager
def atomic_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yields a temporary sibling of `path`; renames it to `path` when the block ends well.

    Raises:
        OutputExists: `path` exists and `force` is off.
        OutputBusy: Another process is writing `path`.
        OutputFailed: The disk is full, or writing is not permitted.
    """
    with _temporary(path, force=force) as temporary:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)


@contextmanager
def atomic_directory(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yields a new, empty temporary sibling folder of `path`; it becomes `path` when the block ends well.

    An existing folder is exchanged in one step (renameat2), so that there is no instant without a folder: readers that
    hold files of the old one open keep them.

    Raises:
        OutputExists: `path` exists and `force` is off.
        OutputBusy: Another process is writing `path`.
        OutputFailed: The disk is full, or writing is not permitted.
    """
    with _temporary(path, force=force) as temporary:
        temporary.mkdir()
        yield temporary
        _sync_tree(temporary)
        if path.exists():
            _exchange(temporary, path)
        else:
            temporary.rename(path)


@contextmanager
def _temporary(path: Path, *, force: bool) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.partial")
    lock = path.with_name(f".{path.name}.lock")
    try:
        if path.exists() and not force:
            raise OutputExists(f"{path} exists", fix="give -f/--force to replace it, or another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(lock, path):
            try:
                _remove(temporary)  # litter of a run that was killed
                yield temporary
                _sync(path.parent)
            finally:
                _remove(temporary)
                lock.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise OutputFailed(
            f"cannot write {path}: {error.strerror}",
            why="the disk is full"
            if error.errno in _FULL
            else "the folder is not writable"
            if error.errno in _NOT_WRITABLE
            else "no such output can be made there",
            fix=f"free space or choose another place than {path.parent}; what stood there before is untouched",
        ) from error


def _lock(lock: Path, path: Path) -> TextIOWrapper:
    while True:
        held = lock.open("w")
        try:
            fcntl.flock(held.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            fix = "wait for it, or choose another output"
            raise OutputBusy(f"another process is writing {path}", fix=fix) from None
        # A writer that ended in between took the name away: what we hold then locks nobody out.
        if lock.exists() and os.path.samestat(lock.stat(), os.fstat(held.fileno())):
            return held
        held.close()


def _exchange(first: Path, second: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0:
        return
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):  # some network file systems cannot exchange
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(second))
    old = second.with_name(f".{second.name}.old")
    _remove(old)
    second.rename(old)
    first.rename(second)
    _remove(old)


def _sync_tree(folder: Path) -> None:
    for entry in folder.rglob("*"):
        if entry.is_file():
            with entry.open("rb") as file:
                os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
