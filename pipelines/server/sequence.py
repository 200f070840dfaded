"""One stream's requests to a pipeline: a Triton sequence, from START to END."""

import asyncio
import json
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Protocol

import grpc
import grpc.aio
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2

from pipelines.server.errors import InferenceFailed
from pipelines.server.models import Model
from pipelines.server.shared_memory import Region

__all__ = ["Exchange", "Sequence", "StreamExchange", "UnaryExchange"]

# A piece of 30 s takes well under a second; only a hung backend takes this long.
INFER_SECONDS = 120.0

Samples = NDArray[np.float32]

_NOTHING: Samples = np.zeros(0, np.float32)
_log = logging.getLogger(__name__)


class Exchange(Protocol):
    """How requests of one sequence travel; one at a time."""

    async def send(self, request: Any) -> Any:
        """Returns the response, a `ModelInferResponse`; raises `InferenceFailed`."""
        ...

    async def close(self) -> None:
        """Called once, after the last response."""
        ...


class UnaryExchange:
    """A call each: cheapest for one or few requests."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def send(self, request: Any) -> Any:
        try:
            return await self._stub.ModelInfer(request, timeout=INFER_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise InferenceFailed(f"no answer within {INFER_SECONDS:g} seconds") from error
            raise InferenceFailed(error.details() or error.code().name) from error

    async def close(self) -> None:
        """Nothing is held."""


class StreamExchange:
    """One long call: cheapest for many small requests.

    Measured with eight streams at real-time pace, 0.16 s chunks: 0.67 ms of CPU a request here and 0.52 ms in Triton,
    against 0.90 and 0.67 ms with a call each.
    """

    def __init__(self, stub: Any) -> None:
        self._stub = stub
        self._call: Any = None

    async def send(self, request: Any) -> Any:
        self._call = self._call or self._stub.ModelStreamInfer()
        try:
            async with asyncio.timeout(INFER_SECONDS):
                await self._call.write(request)
                answer = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise InferenceFailed(error.details() or error.code().name) from error
        except asyncio.InvalidStateError as error:  # the call was over before this request
            raise InferenceFailed("Triton closed the stream") from error
        except TimeoutError as error:
            self._call.cancel()
            raise InferenceFailed(f"no answer within {INFER_SECONDS:g} seconds") from error
        if answer is grpc.aio.EOF:  # type: ignore[attr-defined]
            raise InferenceFailed("Triton closed the stream")
        if answer.error_message:
            raise InferenceFailed(answer.error_message)
        return answer.infer_response

    async def close(self) -> None:
        if self._call is None or self._call.done():
            return
        try:
            await self._call.done_writing()
            await self._call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:  # it broke by itself in the meantime
            _log.debug("stream to Triton was already closed: %s", error)


class Sequence:
    """The stream: START goes with the first request, END with the last, and END always goes.

    Used as a context manager. When the block is left before the end was sent, because the client vanished or
    something failed, the sequence is ended in the background, so that Triton can free its state at once instead of
    after its idle timeout.

    Args:
        exchange: How requests travel.
        model: The pipeline.
        config: What the pipeline is told with START.
        sequence_id: Unique within Triton; kept below 2^63, since the protocol has signed numbers here.
        closing: Tasks that tidy up in the background register themselves here.
        region: Shared memory for the samples, or None to send them along.
    """

    def __init__(
        self,
        exchange: Exchange,
        model: Model,
        config: Mapping[str, Any],
        *,
        sequence_id: int,
        closing: set[asyncio.Task[None]],
        region: Region | None = None,
    ) -> None:
        self._exchange, self._model, self._id = exchange, model, sequence_id & (1 << 63) - 1
        self._config = json.dumps(config).encode()
        self._closing, self._region = closing, region
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
        self._in_flight = asyncio.create_task(self._exchange.send(request))
        response = await asyncio.shield(self._in_flight)
        self._in_flight = None
        return _result(response)

    def _request(self, samples: Samples, *, end: bool) -> Any:
        batch = [1] if self._model.batched else []
        request = service_pb2.ModelInferRequest(model_name=self._model.name)
        audio = request.inputs.add(name="AUDIO_SIGNAL", datatype="FP32", shape=[*batch, len(samples)])
        if self._region is not None and self._region.holds(samples):
            self._region.write(samples, audio)
        else:
            request.raw_input_contents.append(samples.tobytes())
        if not self._started:
            request.inputs.add(name="CONFIG", datatype="BYTES", shape=[*batch, 1])
            request.raw_input_contents.append(len(self._config).to_bytes(4, "little") + self._config)
        request.parameters["sequence_id"].int64_param = self._id
        request.parameters["sequence_start"].bool_param = not self._started
        request.parameters["sequence_end"].bool_param = end
        return request

    async def _close(self) -> None:
        if self._in_flight is not None:
            await asyncio.wait([self._in_flight])
            if self._in_flight.exception() is not None:
                _log.debug("sequence %d of %s failed: %s", self._id, self._model.name, self._in_flight.exception())
        if self._started and not self._ended:
            try:
                await self._exchange.send(self._request(_NOTHING, end=True))
            except InferenceFailed as error:  # after a failure Triton may have dropped the sequence by itself
                _log.debug("sequence %d of %s was already gone: %s", self._id, self._model.name, error)
        await self._exchange.close()
        if self._region is not None:
            self._region.release()

    async def __aenter__(self) -> "Sequence":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = asyncio.create_task(self._close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _result(response: Any) -> dict[str, Any]:
    """The JSON of RESULT, a tensor of one string: four bytes of length, then the text."""
    for output, content in zip(response.outputs, response.raw_output_contents, strict=True):
        if output.name == "RESULT":
            result: dict[str, Any] = json.loads(content[4:])
            return result
    raise InferenceFailed("the pipeline returned no RESULT", "Deploy the pipeline again with this riva-deploy.")
