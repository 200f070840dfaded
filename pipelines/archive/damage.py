"""Damaged files: what the standard library raises while it reads one, as an error with what to do."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.archive.encryption import ENCRYPTED_MAGIC
from pipelines.errors import NotAnArchive, TruncatedArchive

__all__ = ["GZIP_MAGIC", "reading"]

GZIP_MAGIC = b"\x1f\x8b"
_LFS_MAGIC = b"version https://git-lfs"
_TAR_MAGIC, _TAR_MAGIC_OFFSET = b"ustar", 257
# Some of it is about the numbers in headers.
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, OverflowError, MemoryError)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Translates what damaged bytes make the standard library raise.

    Raises:
        NotAnArchive: The file does not begin like an archive.
        TruncatedArchive: It does, and goes on otherwise or ends early.
    """
    try:
        yield
    except _DAMAGE as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: Exception) -> NotAnArchive | TruncatedArchive:
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_LFS_MAGIC):
        return NotAnArchive(f"{path} is a Git LFS pointer, not the file itself", fix="run `git lfs pull`")
    if head.startswith((GZIP_MAGIC, ENCRYPTED_MAGIC)) or head[_TAR_MAGIC_OFFSET:].startswith(_TAR_MAGIC):
        reason = str(error) or type(error).__name__
        return TruncatedArchive(f"{path} ends too early or is damaged: {reason}", fix="copy or make the file again")
    return NotAnArchive(f"{path} is not a .riva or .rmir archive", fix="check which file was named")
