"""Damaged files, and files that say what cannot be: what the reading of them raises, as an error with what to do."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yaml import YAMLError

from pipelines.archive.encryption import ENCRYPTED_MAGIC
from pipelines.errors import NotAnArchive, TruncatedArchive

__all__ = ["GZIP_MAGIC", "reading", "using"]

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


@contextmanager
def using(path: Path) -> Iterator[None]:
    """Translates what facts of the wrong kind raise where they are used: a manifest is no more than somebody's word.

    Raises:
        NotAnArchive: Something that the archive says of its model cannot be used.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, YAMLError) as error:
        raise NotAnArchive(
            f"{path} says of its model what cannot be used ({type(error).__name__}: {error})",
            "another version of these tools wrote it, or it was changed by hand",
            "make it again, a .riva with nemo2riva, an .rmir with riva-build; --verbose shows where it was used",
        ) from error


def _explained(path: Path, error: Exception) -> NotAnArchive | TruncatedArchive:
    with path.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_LFS_MAGIC):
        return NotAnArchive(f"{path} is a Git LFS pointer, not the file itself", fix="run `git lfs pull`")
    if head.startswith((GZIP_MAGIC, ENCRYPTED_MAGIC)) or head[_TAR_MAGIC_OFFSET:].startswith(_TAR_MAGIC):
        reason = str(error) or type(error).__name__
        return TruncatedArchive(f"{path} ends too early or is damaged: {reason}", fix="copy or make the file again")
    return NotAnArchive(f"{path} is not a .riva or .rmir archive", fix="check which file was named")
