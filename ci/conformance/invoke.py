"""Makes the calls: a `Request` goes to the server, an `Exchange` comes back, whatever the server does."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import json_format
from grpc_health.v1 import health_pb2
from riva.client.proto import riva_asr_pb2, riva_common_pb2

from ci.conformance.audio import Encoded, encode
from ci.conformance.exchange import Call, Exchange, Reply, Request
from ci.conformance.server import CALL_SECONDS, Connection

__all__ = ["Invoker"]

#: A server may need this many seconds for a second of audio before a call is given up, on top of `CALL_SECONDS`.
SECONDS_PER_AUDIO_SECOND = 5.0
#: A Watch never ends by itself: its first message is all that is asked for.
WATCH_SECONDS = 3.0


class Invoker:
    """Sends requests. Equal requests are sent once and share their answer, unless they have different seats.

    Args:
        connection: The server.
        chunk_seconds: The audio that the server itself takes at a time; what `chunk: model` means.
    """

    def __init__(self, connection: Connection, *, chunk_seconds: float) -> None:
        self._connection, self._chunk_seconds = connection, chunk_seconds
        self._answers: dict[Request, asyncio.Task[Exchange]] = {}

    async def ask(self, request: Request) -> Exchange:
        """Sends a request, or awaits the answer to the same one."""
        if request not in self._answers:
            self._answers[request] = asyncio.create_task(self._send(request))
        return await self._answers[request]

    async def _send(self, request: Request) -> Exchange:
        match request.call:
            case Call.OFFLINE:
                return await self._recognize(request)
            case Call.STREAMING:
                return await self._stream(request)
            case Call.CHECK:
                check = health_pb2.HealthCheckRequest(service=request.service)
                return await self._unary(request, self._connection.health.Check(check, timeout=CALL_SECONDS))
            case Call.WATCH:
                return await self._watch(request)
            case Call.MODELS:
                models = riva_asr_pb2.RivaSpeechRecognitionConfigRequest(model_name=request.model)
                call = self._connection.speech.GetRivaSpeechRecognitionConfig(models, timeout=CALL_SECONDS)
                return await self._unary(request, call)

    async def _unary(self, request: Request, call: Any, *, audio_seconds: float = 0.0) -> Exchange:
        started = time.perf_counter()
        replies: tuple[Reply, ...] = ()
        try:
            replies = (Reply(await call, time.perf_counter() - started),)
        except grpc.aio.AioRpcError:
            pass  # the status below says what it was, and a case judges it
        return await _finish(request, call, replies, started, audio_seconds=audio_seconds)

    async def _recognize(self, request: Request) -> Exchange:
        audio = await asyncio.to_thread(encode, request.audio, request.utterance)
        message = riva_asr_pb2.RecognizeRequest(config=_config(request, audio), audio=audio.data, **_identity(request))
        call = self._connection.speech.Recognize(message, timeout=_deadline(audio.seconds))
        return await self._unary(request, call, audio_seconds=audio.seconds)

    async def _watch(self, request: Request) -> Exchange:
        started = time.perf_counter()
        call = self._connection.health.Watch(health_pb2.HealthCheckRequest(service=request.service), timeout=WATCH_SECONDS)
        try:
            message = await call.read()
        except grpc.aio.AioRpcError:
            message = grpc.aio.EOF
        if message is grpc.aio.EOF:
            return await _finish(request, call, (), started)
        call.cancel()
        return Exchange(request, (Reply(message, time.perf_counter() - started),), "OK", "")

    async def _stream(self, request: Request) -> Exchange:
        audio = await asyncio.to_thread(encode, request.audio, request.utterance)
        spec = request.stream
        size = _message_bytes(audio, request, self._chunk_seconds)
        pieces = [audio.data[start : start + size] for start in range(0, len(audio.data), size)]
        step = audio.seconds * size / max(1, len(audio.data))  # seconds of audio a message
        if spec.cancel_after is not None:
            pieces = pieces[: max(1, math.floor(spec.cancel_after / step))]
        deadline = _deadline(audio.seconds)
        started = time.perf_counter()

        async def messages() -> AsyncIterator[Any]:
            if spec.config:
                streaming = riva_asr_pb2.StreamingRecognitionConfig(config=_config(request, audio), interim_results=spec.interim)
                yield riva_asr_pb2.StreamingRecognizeRequest(streaming_config=streaming, **_identity(request))
            for index, piece in enumerate(pieces, 1):
                if spec.pace == "real-time":  # a microphone has heard a piece only when it is over
                    await asyncio.sleep(max(0.0, started + min(index * step, audio.seconds) - time.perf_counter()))
                yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=piece)
            if spec.cancel_after is not None:
                sent_all.set()
                await asyncio.sleep(deadline)  # leave the stream open: the client is about to vanish

        sent_all = asyncio.Event()
        call = self._connection.speech.StreamingRecognize(messages(), timeout=deadline)
        canceller = asyncio.create_task(_cancel_when(sent_all, call)) if spec.cancel_after is not None else None
        replies = []
        try:
            async for message in call:
                replies.append(Reply(message, time.perf_counter() - started))
        except grpc.aio.AioRpcError:
            pass  # the status below says what it was, and a case judges it
        except asyncio.CancelledError:
            if canceller is None:
                raise
        if canceller is not None:
            canceller.cancel()
        return await _finish(
            request, call, tuple(replies), started, audio_seconds=audio.seconds, messages=len(pieces), chunk_seconds=step
        )


async def _cancel_when(sent: asyncio.Event, call: Any) -> None:
    await sent.wait()
    call.cancel()


async def _finish(request: Request, call: Any, replies: tuple[Reply, ...], started: float, **measures: Any) -> Exchange:
    code = await call.code()
    return Exchange(request, replies, code.name, await call.details() or "", seconds=time.perf_counter() - started, **measures)


def _config(request: Request, audio: Encoded) -> Any:
    config = riva_asr_pb2.RecognitionConfig(audio_channel_count=request.audio.channels, verbatim_transcripts=True)
    if audio.encoding is not None:
        json_format.ParseDict({"encoding": audio.encoding, "sample_rate_hertz": audio.rate}, config)
    json_format.ParseDict(dict(request.settings), config)
    return config


def _identity(request: Request) -> dict[str, Any]:
    return {"id": riva_common_pb2.RequestId(value=request.request_id)} if request.request_id else {}


def _deadline(audio_seconds: float) -> float:
    return CALL_SECONDS + SECONDS_PER_AUDIO_SECOND * audio_seconds


def _message_bytes(audio: Encoded, request: Request, model_chunk: float) -> int:
    """Bytes of one message: whole samples where the format has samples, unless the case asks for so many bytes."""
    spec = request.stream
    if spec.chunk_bytes is not None:
        return spec.chunk_bytes
    if spec.chunk == "whole" or not audio.data:
        return max(1, len(audio.data))
    chunk = model_chunk if spec.chunk == "model" else float(spec.chunk)
    size = round(len(audio.data) * chunk / audio.seconds) if audio.seconds else len(audio.data)
    if audio.bytes_per_sample is not None:
        size -= size % audio.bytes_per_sample
    return max(1, size)
