"""What a server may get wrong about its health."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from tests.conformance.mistakes.wrong_server import WrongServer


class SaysNotServing(WrongServer):
    caught_by = ("health/server", "health/service", "health/watch")

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING


class KnowsOnlyTheServer(WrongServer):
    caught_by = ("health/service",)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.SERVING if not service else None


class ServesAnyService(WrongServer):
    caught_by = ("health/unknown-service", "health/watch-unknown-service")

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.SERVING


class CannotBeWatched(WrongServer):
    caught_by = ("health/watch",)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not here")
        yield
