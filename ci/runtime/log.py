"""The log of a running command, read while somebody else writes it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["follow"]

POLL_SECONDS = 0.05


def follow(path: Path, *, ended: Callable[[], bool], limit: float | None = None) -> Iterator[str]:
    """The lines of a log as they come, the last one even without a newline.

    Args:
        path: The log.
        ended: Whether nothing more will be written.
        limit: Seconds after which the wait is over.

    Raises:
        TimeoutError: It was still being written after `limit` seconds.
    """
    started = time.monotonic()
    with path.open(encoding="utf-8", errors="replace") as log:
        part = ""
        while True:
            last = ended()  # asked before reading, so that the last words are read
            while text := log.readline():
                part += text
                if part.endswith("\n"):
                    yield part.rstrip("\n")
                    part = ""
            if last:
                break
            if limit is not None and time.monotonic() - started > limit:
                raise TimeoutError
            time.sleep(POLL_SECONDS)
        if part:
            yield part
