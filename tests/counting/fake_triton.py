"""Triton's gRPC service with counting pipelines behind it, in this process: for tests of what the server does when
Triton misbehaves.

Only what the server calls is here. Batching, the Python backend and the rest of the truth are tested with the real
Triton.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import grpc.aio
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.counting.pipeline import SLOW, SLOW_SECONDS, CountingStream, ToldToFail

FAILING_TEXT, SLOW_TEXT = "fail", "slow"


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Serves the models of the given configurations."""

    def __init__(self, configs: Iterable[Any]) -> None:
        self.configs = {config.name: config for config in configs}
        self.states = dict.fromkeys(self.configs, "READY")
        self.streams: dict[int, CountingStream] = {}
        self.requests: list[tuple[int, bool, bool, int]] = []  # sequence, start, end, samples
        self.transformed: list[tuple[str, list[str]]] = []  # model, texts
        self._server: grpc.aio.Server | None = None

    async def start(self) -> str:
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return f"127.0.0.1:{port}"

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.stop(None)

    async def RepositoryIndex(self, request: Any, context: Any) -> Any:
        index = service_pb2.RepositoryIndexResponse()
        for name, state in self.states.items():
            index.models.add(name=name, version="1", state=state)
        return index

    async def ModelConfig(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelConfigResponse(config=self.configs[request.name])

    async def ModelStreamInfer(self, requests: Any, context: Any) -> Any:
        async for request in requests:
            try:
                yield service_pb2.ModelStreamInferResponse(infer_response=await self._infer(request))
            except (ToldToFail, KeyError) as error:
                yield service_pb2.ModelStreamInferResponse(error_message=error.args[0])

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        try:
            return await self._infer(request)
        except ToldToFail as error:
            await context.abort(grpc.StatusCode.INTERNAL, str(error))
        except KeyError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.args[0])

    async def _infer(self, request: Any) -> Any:
        if request.inputs[0].name == "TEXT":
            return await self._transform(request)
        parameters = request.parameters
        sequence = parameters["sequence_id"].int64_param
        start, end = parameters["sequence_start"].bool_param, parameters["sequence_end"].bool_param
        tensors = dict(zip((tensor.name for tensor in request.inputs), request.raw_input_contents, strict=True))
        samples = np.frombuffer(tensors["AUDIO_SIGNAL"], np.float32)
        self.requests.append((sequence, start, end, len(samples)))
        if start:
            kind = self.configs[request.model_name].parameters["type"].string_value
            self.streams[sequence] = CountingStream(kind == "offline")
            self.streams[sequence].configure(tensors["CONFIG"][4:].decode())
        if sequence not in self.streams:
            raise KeyError(f"sequence {sequence} must specify the START flag")
        stream = self.streams.pop(sequence) if end else self.streams[sequence]
        if stream.fault == SLOW:
            await asyncio.sleep(SLOW_SECONDS)
        result = stream.feed(samples, end=end).encode()
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="RESULT", datatype="BYTES", shape=[1, 1])
        response.raw_output_contents.append(len(result).to_bytes(4, "little") + result)
        return response

    async def _transform(self, request: Any) -> Any:
        texts = list(unpacked(request.raw_input_contents[0]))
        self.transformed.append((request.model_name, texts))
        if SLOW_TEXT in texts:
            await asyncio.sleep(SLOW_SECONDS)
        if FAILING_TEXT in texts:
            raise ToldToFail("the punctuator was told to fail")
        response = service_pb2.ModelInferResponse(model_name=request.model_name)
        response.outputs.add(name="RESULT", datatype="BYTES", shape=request.inputs[0].shape)
        answers = [shout(text).encode() for text in texts]
        response.raw_output_contents.append(b"".join(len(each).to_bytes(4, "little") + each for each in answers))
        return response


def shout(text: str) -> str:
    """What the fake punctuator makes of a text: a capital on each word, an exclamation mark at the end."""
    return f"{text.title()}!" if text else ""


def unpacked(content: bytes) -> Iterator[str]:
    """The elements of a tensor of strings as it travels."""
    while content:
        size = int.from_bytes(content[:4], "little")
        yield content[4 : 4 + size].decode()
        content = content[4 + size :]
