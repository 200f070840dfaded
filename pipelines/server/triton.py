"""The server's side of Triton: which models there are, and sequences of requests to one of them.

The raw stub is used instead of `tritonclient`'s own classes: a stream sends a request every few hundredths of a
second, and a request is one protobuf message with the samples' bytes in it. Measured with 0.16 s chunks at eight
streams: 0.1 ms of CPU a request, with unary calls and with `ModelStreamInfer` alike, hence the simpler unary calls.
"""

import asyncio
import itertools
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from pipelines.server.errors import InferenceFailed
from pipelines.server.models import Model

__all__ = ["Samples", "Sequence", "Triton"]

Samples = NDArray[np.float32]

# A piece of 30 s takes well under a second; only a hung backend takes this long.
INFER_SECONDS = 120.0
# Asking for a model's state touches no model; a Triton that cannot answer this is not ready.
QUERY_SECONDS = 5.0
# Time to tell Triton that a stream is over when its client has vanished.
END_SECONDS = 30.0

_NOTHING = np.zeros(0, np.float32)
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
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        # Pieces of 30 s are 1.9 MB, results of an hour some MB: Triton is trusted, so no limit.
        unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.aio.insecure_channel(uri, options=unlimited)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        # Ids must differ between API servers that share a Triton, and over restarts of this one.
        self._ids = itertools.count(secrets.randbits(62) + 1)
        self._endings: set[asyncio.Task[None]] = set()

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

    def sequence(self, model: Model, config: Mapping[str, Any]) -> "Sequence":
        """Opens a stream on a pipeline; nothing is sent yet."""
        return Sequence(self, model, config, next(self._ids) % (1 << 63) or 1)

    async def infer(self, request: Any, timeout: float = INFER_SECONDS) -> Any:
        """One inference.

        Raises:
            InferenceFailed: Triton could not be reached, refused or failed.
        """
        try:
            return await self._stub.ModelInfer(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise InferenceFailed(error.details() or error.code().name) from error

    def end_later(self, sequence: "Sequence") -> None:
        """Ends a sequence whose client is gone, without making anybody wait."""
        task = asyncio.create_task(sequence.abandon())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def close(self) -> None:
        """Waits until every sequence has been ended, then hangs up."""
        if self._endings:
            await asyncio.wait(self._endings, timeout=END_SECONDS)
        await self._channel.close(None)


class Sequence:
    """One stream's requests to a pipeline: START comes with the first, END with the last, and END always comes.

    Used as a context manager: when the block is left before the end was sent, because the client vanished or
    something failed, the sequence is ended in the background, so that Triton can free its state at once instead of
    after its idle timeout.
    """

    def __init__(self, triton: Triton, model: Model, config: Mapping[str, Any], sequence_id: int) -> None:
        self._triton, self._model, self._id = triton, model, sequence_id
        self._config = json.dumps(config).encode()
        self._started = self._ended = False
        self._in_flight: asyncio.Task[Any] | None = None

    async def send(self, samples: Samples, *, end: bool = False) -> dict[str, Any]:
        """Feeds samples and returns the pipeline's RESULT.

        Args:
            samples: float32 in [-1, 1] at the model's rate, mono; may be empty.
            end: Whether this is the last of the stream; what the pipeline still holds is then decoded.

        Raises:
            InferenceFailed: Triton failed.
        """
        request = self._request(samples, end=end)
        self._started, self._ended = True, end
        # A task of its own: when this call is cancelled, the request goes on, so that END cannot overtake it.
        self._in_flight = asyncio.create_task(self._triton.infer(request))
        response = await asyncio.shield(self._in_flight)
        self._in_flight = None
        return _result(response)

    async def keep_alive(self) -> dict[str, Any]:
        """Tells Triton that the stream is still there."""
        return await self.send(_NOTHING)

    async def abandon(self) -> None:
        """Ends the sequence; what Triton answers is of no interest any more."""
        if self._in_flight is not None:
            await asyncio.wait([self._in_flight])
            if self._in_flight.exception() is not None:
                _log.debug("sequence %d of %s failed: %s", self._id, self._model.name, self._in_flight.exception())
        if self._ended:
            return
        try:
            await self._triton.infer(self._request(_NOTHING, end=True), timeout=END_SECONDS)
        except InferenceFailed as error:  # after a failure Triton may have dropped the sequence by itself
            _log.debug("sequence %d of %s was already gone: %s", self._id, self._model.name, error)

    def _request(self, samples: Samples, *, end: bool) -> Any:
        batch = [1] if self._model.batched else []
        request = service_pb2.ModelInferRequest(model_name=self._model.name)
        request.inputs.add(name="AUDIO_SIGNAL", datatype="FP32", shape=[*batch, len(samples)])
        request.raw_input_contents.append(samples.tobytes())
        if not self._started:
            request.inputs.add(name="CONFIG", datatype="BYTES", shape=[*batch, 1])
            request.raw_input_contents.append(len(self._config).to_bytes(4, "little") + self._config)
        request.parameters["sequence_id"].int64_param = self._id
        request.parameters["sequence_start"].bool_param = not self._started
        request.parameters["sequence_end"].bool_param = end
        return request

    async def __aenter__(self) -> "Sequence":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._in_flight is not None or (self._started and not self._ended):
            self._triton.end_later(self)


def _result(response: Any) -> dict[str, Any]:
    """The JSON of RESULT, a tensor of one string: four bytes of length, then the text."""
    for output, content in zip(response.outputs, response.raw_output_contents, strict=True):
        if output.name == "RESULT":
            result: dict[str, Any] = json.loads(content[4:])
            return result
    raise InferenceFailed("the pipeline returned no RESULT", "Deploy the pipeline again with this riva-deploy.")
