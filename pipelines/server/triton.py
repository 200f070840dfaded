"""A connection to Triton: which models it has, and sequences of requests to one of them.

The raw stub is used instead of `tritonclient`'s own classes: a stream sends a request every few hundredths of a
second, and a request is one protobuf message with the samples' bytes in it.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from tritonclient.grpc import service_pb2, service_pb2_grpc

from pipelines.server.models import Model
from pipelines.server.sequence import Sequence, StreamExchange, UnaryExchange
from pipelines.server.shared_memory import Regions
from pipelines.server.texts import text_request, texts_of

__all__ = ["RepositoryState", "Triton"]

# Asking for a model's state touches no model; a Triton that cannot answer this is not ready.
QUERY_SECONDS = 5.0
# Time to tell Triton about streams that were cut off when this server stops.
CLOSE_SECONDS = 30.0

# Pieces of 30 s are 1.9 MB, results of an hour some MB: Triton is trusted, so no limit.
_UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
# This server is up before Triton has loaded its models; gRPC's own pauses between attempts, a second and growing, would
# delay the first answer by as much.
_QUICK_TO_CONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RepositoryState:
    """What a Triton reports about its models."""

    ready: tuple[Model, ...]
    unready: tuple[str, ...]


class Triton:
    """A connection to one Triton.

    Args:
        uri: `host:port` of Triton's gRPC service.
        shared_regions: Regions of shared memory for samples; 0 for a Triton on another machine.
    """

    def __init__(self, uri: str, *, shared_regions: int = 0) -> None:
        self.uri = uri
        self._channel = grpc.aio.insecure_channel(uri, options=[*_UNLIMITED, *_QUICK_TO_CONNECT])
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._regions = Regions(self._stub, count=shared_regions)
        # Ids must differ between API servers that share a Triton, and over restarts of this one.
        self._ids = itertools.count(secrets.randbits(62) + 1)
        self._closing: set[asyncio.Task[None]] = set()

    async def repository(self) -> RepositoryState | None:
        """The state of the model repository; None while Triton cannot be reached or is not ready."""
        try:
            index = await self._stub.RepositoryIndex(service_pb2.RepositoryIndexRequest(), timeout=QUERY_SECONDS)
            loaded = [entry for entry in index.models if entry.state == "READY"]
            configs = [await self._model_config(entry.name) for entry in loaded]
        except grpc.aio.AioRpcError as error:
            _log.debug("Triton at %s does not answer: %s", self.uri, error.details())
            return None
        # An empty state: in the repository, but never asked to be loaded.
        unready = tuple(entry.name for entry in index.models if entry.state not in ("READY", ""))
        return RepositoryState(tuple(Model.from_config(config) for config in configs), unready)

    async def _model_config(self, name: str) -> Any:
        request = service_pb2.ModelConfigRequest(name=name)
        return (await self._stub.ModelConfig(request, timeout=QUERY_SECONDS)).config

    async def share_memory(self) -> None:
        """Makes the regions of shared memory known to Triton; to be called once it is ready."""
        await self._regions.register()

    def live_sequence(self, model: Model, config: Mapping[str, Any]) -> Sequence:
        """Opens a stream of small pieces that come as somebody speaks; nothing is sent yet."""
        return Sequence(StreamExchange(self._stub), model, config, sequence_id=next(self._ids), closing=self._closing)

    def recorded_sequence(self, model: Model, config: Mapping[str, Any]) -> Sequence:
        """Opens a stream of few, large pieces; nothing is sent yet."""
        exchange = UnaryExchange(self._stub)
        region = self._regions.take()
        return Sequence(exchange, model, config, sequence_id=next(self._ids), closing=self._closing, region=region)

    async def transform(self, model: Model, texts: Iterable[str]) -> list[str]:
        """Sends texts to a pipeline; returns what it made of each.

        Raises:
            InferenceFailed: Triton failed.
        """
        response = await UnaryExchange(self._stub).send(text_request(model, list(texts)))
        return texts_of(response)

    async def close(self) -> None:
        """Waits until every sequence has been ended, then hangs up."""
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_SECONDS)
        await self._regions.unregister()
        await self._channel.close(None)
