"""A riva-speech server as correct as this suite can tell.

Every behaviour is a method of its own, so that a mistake is a subclass that overrides one of them.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from riva.client.proto import riva_asr_pb2_grpc, riva_nlp_pb2_grpc

from tests.conformance.scripted.speech import SpeechServer

SERVICES = frozenset({"", HEALTH, "nvidia.riva.asr.RivaSpeechRecognition", "nvidia.riva.nlp.RivaLanguageUnderstanding"})


class ScriptedServer(SpeechServer, health_pb2_grpc.HealthServicer):
    """The correct one; `server` is what serves it."""

    server: grpc.aio.Server

    def health(self, service: str) -> int | None:
        """The status of a service, None if it does not exist."""
        return health_pb2.HealthCheckResponse.SERVING if service in SERVICES else None

    async def Check(self, request: Any, context: Any) -> Any:
        status = self.health(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        status = self.health(request.service)
        unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        yield health_pb2.HealthCheckResponse(status=unknown if status is None else status)


@contextmanager
def serving(servicer: ScriptedServer, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serves on a free port of this machine, in a thread of its own; yields the address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted server")
    thread.start()

    def settle(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    server, port = settle(_start(servicer, credentials))
    try:
        yield f"localhost:{port}"
    finally:
        settle(server.stop(grace=None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(servicer: ScriptedServer, credentials: grpc.ServerCredentials | None) -> tuple[grpc.aio.Server, int]:
    servicer.server = server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    riva_nlp_pb2_grpc.add_RivaLanguageUnderstandingServicer_to_server(servicer, server)
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = "localhost:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    return server, port
