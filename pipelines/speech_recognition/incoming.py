"""The messages of a stream, read one ahead: so that silence can be told from audio, and a hurried client from one
that speaks.
"""

import asyncio
from types import TracebackType
from typing import Any

from grpc import aio

__all__ = ["Incoming"]


class Incoming:
    """Reads a call's messages. Only one is held, so a client that sends faster than is recognised is slowed down by
    gRPC itself.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._next: asyncio.Task[Any] = asyncio.create_task(context.read())

    async def next(self, *, timeout: float) -> Any | None:
        """The next message; None when the client has closed its side.

        Raises:
            TimeoutError: Nothing came for so many seconds; the next call goes on waiting.
        """
        if not self._next.done():
            await asyncio.wait([self._next], timeout=timeout)
        if not self._next.done():
            raise TimeoutError
        message = self._next.result()
        if message is aio.EOF:  # type: ignore[attr-defined]
            return None
        self._next = asyncio.create_task(self._context.read())
        return message

    @property
    def more(self) -> bool:
        """Whether something has arrived that `next` will return at once."""
        return self._next.done()

    async def __aenter__(self) -> "Incoming":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._next.cancel()
        await asyncio.wait([self._next])
