"""How many calls are served at once, so that those which are served keep their speed.

Streams are counted for each pipeline and refused past the limit: a stream that has to wait is of no use to anybody
who speaks. Offline calls, with a recording or with texts, wait their turn, a bounded number of them, and they wait
*before* their request is read from the network, so that waiting calls cost no memory.
"""

import asyncio
import collections
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio

from pipelines.server.errors import CallError, TooManyCalls
from pipelines.server.models import Model

__all__ = ["OfflineGate", "StreamSlots"]


class StreamSlots:
    """The streams of each pipeline.

    Args:
        limit: Streams a pipeline; 0 takes what its configuration says (`max_streams`), and no limit if it says nothing.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._taken: collections.Counter[str] = collections.Counter()

    @contextmanager
    def take(self, model: Model) -> Iterator[None]:
        """Holds a slot while a stream runs.

        Raises:
            TooManyCalls: All slots are taken.
        """
        limit = self._limit or model.max_streams
        if limit and self._taken[model.name] >= limit:
            raise TooManyCalls(
                f"Error: too many streams: {model.name} serves {limit} at once",
                "Try again later, spread the load over more servers, or raise max_streams if the machine has room.",
            )
        self._taken[model.name] += 1
        try:
            yield
        finally:
            self._taken[model.name] -= 1


class OfflineGate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Lets a bounded number of calls to some methods in, and makes a bounded number wait.

    Args:
        methods: Full names of the methods.
        serving: Calls served at once.
        waiting: Calls that may wait for one of these to end.
        refuse: Answers a call that was refused; gets the method, the call's context and the error.

    Attributes:
        serving: Calls let in now.
        waiting: Calls that wait now.
    """

    def __init__(
        self,
        *,
        methods: frozenset[str],
        serving: int,
        waiting: int,
        refuse: Callable[[str, Any, CallError], Awaitable[None]],
    ) -> None:
        self._methods, self._refuse = methods, refuse
        self._most_serving, self._most_waiting = serving, waiting
        self._free = asyncio.Semaphore(serving)
        self.serving = self.waiting = 0

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        if details.method not in self._methods:
            return await continuation(details)
        if self._free.locked() and self.waiting >= self._most_waiting:
            return self._refusal(details.method)
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.serving += 1
        # grpc.aio runs interceptor, reading and handler in one task, and ends it when the client goes away at any of
        # these points: the end of the task is the one event that cannot be missed.
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self._leave)
        return await continuation(details)

    def _leave(self, _: asyncio.Task[Any]) -> None:
        self.serving -= 1
        self._free.release()

    def _refusal(self, method: str) -> Any:
        error = TooManyCalls(
            f"Error: too many requests: {self._most_serving} are being served and {self._most_waiting} are waiting",
            "Try again later, or spread the load over more servers.",
        )

        async def refuse(_: Any, context: Any) -> None:
            await self._refuse(method, context, error)

        # Declared as a stream, although the method is not, so that the status goes out before the recording comes in.
        return grpc.stream_stream_rpc_method_handler(refuse)
