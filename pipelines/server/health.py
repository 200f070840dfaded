"""`grpc.health.v1`: for each service, and for the whole server under the empty name.

Written anew on the stock messages because the stock servicer says SERVING before anything is known, and keeps
watchers, and with them a server that wants to stop, waiting for ever.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

__all__ = ["Health"]

_Status = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Answers from the last state that was set; NOT_SERVING until one was.

    Args:
        services: Full names of the services offered.
    """

    def __init__(self, services: list[str]) -> None:
        self._serving = dict.fromkeys(services, False)
        self._changed = asyncio.Event()
        self._stopped = False

    def set_serving(self, service: str, *, serving: bool) -> None:
        """Sets the state of one service; that of the whole server follows."""
        if self._serving[service] != serving:
            self._serving[service] = serving
            self._wake()

    def stop(self) -> None:
        """Says NOT_SERVING from now on and lets watchers go."""
        self._stopped = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _status(self, service: str) -> Any | None:
        if service and service not in self._serving:
            return None
        # The server serves if one of its services does: the guide starts them all, whatever is deployed.
        states = [self._serving[service]] if service else self._serving.values()
        serving = any(states) and not self._stopped
        return _Status.SERVING if serving else _Status.NOT_SERVING

    async def Check(self, request: Any, context: Any) -> Any:
        """The state now; NOT_FOUND for a service that is not offered."""
        status = self._status(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Service {request.service} is not offered here")
        return _Status(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """The state now and after each change."""
        last = None
        while True:
            # Taken before the state, so that no change is missed while it is being sent.
            changed, stopped = self._changed, self._stopped
            status = self._status(request.service)
            status = _Status.SERVICE_UNKNOWN if status is None else status
            if status != last:
                yield _Status(status=status)
                last = status
            if stopped:
                return
            await changed.wait()
