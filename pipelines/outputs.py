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
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path

from pipelines.errors import OutputBusy, OutputExists, OutputFailed

__all__ = ["atomic_directory", "atomic_file"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_REASONS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "the disk is full"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "the folder is not writable"),
    **dict.fromkeys((errno.EBUSY, errno.EXDEV), "it is where a file system is mounted, and cannot be replaced"),
    errno.EFBIG: "a file may not be as large as this there",
    errno.EIO: "the disk is broken, or was taken away",
}
_REFUSALS = (*_REASONS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


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
        _sync(temporary)
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
    with _refusals(path, expected=_REFUSALS), ExitStack() as held:
        with _refusals(path, expected=None):
            _refuse_existing(path, force=force)
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(_lock(lock, path))
            held.callback(lock.unlink, missing_ok=True)
            _restore(path)
            _refuse_existing(path, force=force)  # another writer may have ended in between
            _remove(temporary)  # litter of a run that was killed
        try:
            yield temporary
            _sync(path.parent)
        finally:
            _remove(temporary)


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise OutputExists(f"{path} exists", fix="give -f/--force to replace it, or another name")


@contextmanager
def _refusals(path: Path, *, expected: tuple[int, ...] | None) -> Iterator[None]:
    """Translates what the operating system refuses.

    Args:
        path: The output.
        expected: Errors that are about the output, whoever met them; None means all.
    """
    try:
        yield
    except OSError as error:
        if expected is not None and error.errno not in expected:
            raise
        raise OutputFailed(
            f"cannot write {path}: {error.strerror}",
            why=_REASONS.get(error.errno or 0, "no such output can be made there"),
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
    second.rename(_old(second))
    first.rename(second)
    _remove(_old(second))


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _restore(path: Path) -> None:
    """Undoes half an exchange, or finishes a whole one, that a killed run left on such a file system."""
    old = _old(path)
    if path.exists():
        _remove(old)
    elif old.exists():
        old.rename(path)


def _sync_tree(folder: Path) -> None:
    for entry in (*folder.rglob("*"), folder):
        _sync(entry)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
