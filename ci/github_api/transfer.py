"""Files to and from GitHub, of any size in constant memory, with progress."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ci.errors import GitHubError, GitHubUnavailable
from ci.github_api.transport import ATTEMPTS, Json, Transport, unreachable

if TYPE_CHECKING:
    import requests

__all__ = ["download", "upload"]

_PIECE = 1 << 20

Advance = Callable[[int], None]
"""Told how many bytes more are through."""


class _Followed:
    """A file that tells what is read from it; by its methods `requests` knows a body of known length."""

    def __init__(self, file: BinaryIO, size: int, advance: Advance) -> None:
        self._file, self._size, self._advance = file, size, advance

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE):
            yield piece

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._advance(len(piece))
        return piece

    def rewound(self) -> "_Followed":
        """The same file from its start, for another attempt."""
        self._advance(-self._file.tell())
        self._file.seek(0)
        return self


def upload(transport: Transport, address: str, path: Path, *, name: str, advance: Advance) -> Json:
    """Sends a file as a release asset, once; returns what GitHub says of it.

    Raises:
        GitHubRefused: An asset of that name is there, whole or of an upload that was interrupted.
        GitHubUnavailable: The connection was lost or GitHub answered 5xx; the asset may be there all the same.
    """
    with path.open("rb") as file:
        body = _Followed(file, path.stat().st_size, advance)
        headers = {"Content-Type": "application/octet-stream"}
        with (
            _taken_back(file, advance),
            transport.send("POST", address, params={"name": name}, body=body.rewound, headers=headers) as response,
        ):
            content: Json = response.json()
            return content


@contextmanager
def _taken_back(file: BinaryIO, advance: Advance) -> Iterator[None]:
    """Takes back the progress of what fails."""
    try:
        yield
    except GitHubError:
        advance(-file.tell())
        raise


def download(transport: Transport, address: str, path: Path, *, size: int, advance: Advance) -> None:
    """Fetches a file of a known size; where a connection is lost, the next one goes on from there.

    The content is not checked here: whoever knows the digest compares it.

    Raises:
        GitHubUnavailable: The connection was lost again and again.
    """
    import requests

    problem: GitHubUnavailable | None = None
    with path.open("wb") as file:
        for attempt in range(ATTEMPTS):
            if problem is not None:
                transport.pause(attempt - 1)
            headers = {"Accept": "application/octet-stream"}
            if file.tell():
                headers["Range"] = f"bytes={file.tell()}-"
            try:
                with transport.send("GET", address, headers=headers, stream=True) as response:
                    _receive(response, file, advance)
            except requests.RequestException as error:
                problem = unreachable(f"GET {address}", error)
            else:
                if file.tell() == size:
                    return
                problem = GitHubUnavailable(f"GET {address}: expected {size} bytes, got {file.tell()}")
    if problem is not None:
        raise problem


def _receive(response: "requests.Response", file: BinaryIO, advance: Advance) -> None:
    if response.status_code != 206 and file.tell():  # the storage does not know ranges: from the start
        advance(-file.tell())
        file.seek(0)
        file.truncate()
    for piece in response.iter_content(_PIECE):
        file.write(piece)
        advance(len(piece))
