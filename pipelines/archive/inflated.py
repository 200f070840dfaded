"""A gzip file, unpacked once into a temporary file: then it can be read in any order, like a plain one."""

import tempfile
import zlib
from collections.abc import Iterator
from typing import IO

__all__ = ["Bomb", "Hidden", "inflate"]

_BLOCK = 1 << 20
_COMPRESSED_BLOCK = 64 << 10  # zlib copies what it has not consumed yet for every block that comes out
_RATIO = 200  # weights shrink by a tenth; deflate can expand a thousandfold
_FREE = 256 << 20  # bytes that may come out of a file of any size: a model whose weights are all zero is no attack
_GZIP = 31  # zlib: 32 KiB window, gzip header and checksum


class Bomb(Exception):
    """It expands beyond what any checkpoint does; unpacking stopped there."""


class Hidden(Exception):
    """Other data follows the compressed data."""


def inflate(file: IO[bytes], size: int) -> IO[bytes]:
    """Returns a temporary file with what is compressed in `file`, which has `size` bytes.

    Memory is constant; the disk holds the unpacked bytes until the file is closed.

    Raises:
        Bomb: It expands more than 200 times, and beyond 256 MiB.
        Hidden: Something other than zeros follows the compressed data.
        EOFError: It ends early.
        zlib.error: It is damaged.
        OSError: The disk is full.
    """
    limit = max(_FREE, _RATIO * size)
    target = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        for block in _blocks(file):
            target.write(block)
            if target.tell() > limit:
                raise Bomb(f"{size} bytes expand to more than {limit}")
        target.flush()
    except BaseException:
        target.close()
        raise
    return target


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP)
    while not stream.eof:
        waiting = stream.unconsumed_tail or file.read(_COMPRESSED_BLOCK)
        if not waiting:
            raise EOFError("the compressed data ends early")
        yield stream.decompress(waiting, _BLOCK)
    rest = stream.unused_data
    while rest:
        if rest.strip(b"\0"):
            raise Hidden("other data follows the compressed data")
        rest = file.read(_BLOCK)
