"""Puts the API server together and runs it until it is told to stop."""

import asyncio
import logging
import signal
from collections.abc import Awaitable
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2_grpc

from pipelines.errors import MissingInput, PortTaken
from pipelines.server.admission import OfflineGate, StreamSlots
from pipelines.server.calls import Calls
from pipelines.server.health import Health
from pipelines.server.metrics import Metrics
from pipelines.server.models import Models
from pipelines.server.monitor import Monitor
from pipelines.server.options import ServerOptions
from pipelines.server.services import FULL_NAMES, OFFLINE_METHODS, TEXT_METHODS, ServiceParts, register
from pipelines.server.triton import Triton

__all__ = ["Server"]

_log = logging.getLogger(__name__)

# A peer that vanished without a goodbye is noticed after time + timeout; its streams then end.
_KEEPALIVE = [
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Clients may ping as well, even while nothing runs; the default is to hang up on those that do.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
]
# A connection that begins no call, or does not even speak HTTP/2, is not kept for ever.
_IDLE_CONNECTION = [("grpc.max_connection_idle_ms", 900_000), ("grpc.server_handshake_timeout_ms", 20_000)]
# Not to share the port with another server, which Linux would allow and nobody would notice.
_EXCLUSIVE = [("grpc.so_reuseport", 0)]


class Server:
    """The API server of one machine. `start` returns once it answers calls; `run` is what a process does with it."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        shared = options.max_offline_requests if options.triton_is_local else 0
        self._triton = Triton(options.triton_uri, shared_regions=shared)
        self._models, self._metrics = Models(), Metrics()
        self._calls = Calls(self._metrics)
        self._gate = self._gate_for(OFFLINE_METHODS, options.max_offline_requests, options.max_offline_queue)
        self._text_gate = self._gate_for(TEXT_METHODS, options.max_text_requests, options.max_text_queue)
        limit = ("grpc.max_receive_message_length", options.max_message_mb << 20)
        unlimited = ("grpc.max_send_message_length", -1)  # answers are ours
        self._grpc = grpc.aio.server(
            options=[*_KEEPALIVE, *_IDLE_CONNECTION, *_EXCLUSIVE, limit, unlimited],
            interceptors=[self._gate, self._text_gate],
        )
        parts = ServiceParts(
            self._triton, self._models, self._calls, self._metrics, StreamSlots(options.max_streams), options
        )
        served = register(parts, self._grpc)
        self._health = Health([FULL_NAMES[service] for service in served])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        self._monitor = Monitor(
            triton=self._triton,
            models=self._models,
            health=self._health,
            metrics=self._metrics,
            services={FULL_NAMES[service]: service for service in served},
        )
        self._watching: asyncio.Task[None] | None = None

    def _gate_for(self, methods: frozenset[str], serving: int, waiting: int) -> OfflineGate:
        return OfflineGate(methods=methods, serving=serving, waiting=waiting, refuse=self._calls.refuse)

    async def start(self, permission: Awaitable[None] | None = None) -> str:
        """Waits for the models, and for the permission of whoever watches over them, then listens.

        Returns:
            The address that clients can call, with the port that was picked if it was to be picked.

        Raises:
            PortTaken: Somebody else listens there.
            MissingInput: A certificate or key is not there.
        """
        await self._monitor.wait_until_loaded()
        if permission is not None:
            await permission
        address = self._listen()
        self._listen_for_metrics()
        await self._grpc.start()
        self._watching = asyncio.create_task(self._watch())
        return address

    async def _watch(self) -> None:
        await self._triton.share_memory()  # recordings go through the socket until then
        await self._monitor.run()

    async def stop(self, grace_period: float | None = None) -> None:
        """Refuses new calls, gives running ones time to end, and tells Triton about those that were cut off."""
        self._health.stop()
        await self._grpc.stop(self._options.grace_period if grace_period is None else grace_period)
        if self._watching is not None:
            self._watching.cancel()
        await self._triton.close()

    async def run(self, permission: Awaitable[None]) -> None:
        """Serves until SIGTERM or SIGINT; listens once there is permission."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        starting = asyncio.create_task(self.start(permission))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                _log.info("Riva Conversational AI Server listening on %s", starting.result())
                await stopping
                _log.info("stopping: new calls are refused, running ones get %g seconds", self._options.grace_period)
        finally:
            starting.cancel()
            stopping.cancel()
            await self.stop()

    def _listen(self) -> str:
        host, _, _ = self._options.riva_uri.rpartition(":")
        try:
            if self._options.use_ssl:
                port = self._grpc.add_secure_port(self._options.riva_uri, _credentials(self._options))
            else:
                port = self._grpc.add_insecure_port(self._options.riva_uri)
        except RuntimeError as error:
            raise port_taken(self._options.riva_uri, error) from error
        _log.info("Using %s Server Credentials", "SSL" if self._options.use_ssl else "Insecure")
        return f"{host}:{port}"

    def _listen_for_metrics(self) -> None:
        if self._options.metrics_port is None:
            _log.info("Metrics server disabled")
            return
        try:
            server = self._metrics.listen(self._options.metrics_port)
        except OSError as error:
            raise port_taken(f"0.0.0.0:{self._options.metrics_port}", error) from error
        _log.info("Metrics server listening on 0.0.0.0:%d", server.server_port)


def port_taken(address: str, error: Exception) -> PortTaken:
    """What to say when an address cannot be listened on."""
    return PortTaken(
        f"cannot listen on {address}: {str(error) or type(error).__name__}",
        "another server uses the port, or the address is not one of this machine",
        "stop the other server, or choose another port (0 picks a free one)",
    )


def _credentials(options: ServerOptions) -> grpc.ServerCredentials:
    def read(name: str) -> bytes:
        try:
            return Path(name).read_bytes()
        except OSError as error:
            raise MissingInput(f"cannot read {name}: {error.strerror}", fix="check the --ssl_* flags") from error

    root = read(options.ssl_root_cert) if options.ssl_root_cert else None
    pair = (read(options.ssl_server_key), read(options.ssl_server_cert))
    return grpc.ssl_server_credentials([pair], root, require_client_auth=options.ssl_use_mutual_auth)
