"""A part of a file as a stream of its own."""

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pipelines.archive.damage import reading
from pipelines.errors import TruncatedArchive

__all__ = ["Window"]

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Window:
    """Where a member's bytes lie.

    Args:
        stream: A seekable stream; windows of one stream are read in turn, not at once.
        start: Offset of the first byte.
        size: How many there are.
        path: The file, for messages.
    """

    stream: IO[bytes]
    start: int
    size: int
    path: Path

    def open(self, *, block: int = _BLOCK) -> io.BufferedReader:
        """Opens a fresh stream of the bytes, read by the block; a small one suits readers that jump."""
        return io.BufferedReader(_Reader(self), block)

    def copy(self, target: Path) -> None:
        """Writes the bytes to a new file."""
        with target.open("xb") as file:
            shutil.copyfileobj(self.open(), file, _BLOCK)


class _Reader(io.RawIOBase):
    def __init__(self, window: Window) -> None:
        self._window, self._position = window, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._window.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        window = self._window
        wanted = min(len(buffer), window.size - self._position)
        if wanted <= 0:
            return 0
        with reading(window.path):
            window.stream.seek(window.start + self._position)
            block = window.stream.read(wanted)
        if not block:
            raise TruncatedArchive(f"{window.path} ends too early", fix="copy or make the file again")
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)
