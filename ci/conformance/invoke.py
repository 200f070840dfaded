"""Makes the calls: a `Request` goes to the server, an `Exchange` comes back, whatever the server does.

The calls block, each in a thread of its own. With grpc.aio a server that refuses a stream while it is being written
looks like INTERNAL now and then (the failed write hides the status), and a judge must not accuse anybody of its own
mistakes.
"""

import asyncio
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf import json_format
from grpc_health.v1 import health_pb2
from riva.client.proto import riva_asr_pb2, riva_common_pb2, riva_nlp_pb2

from ci.conformance.audio import Encoded, encode
from ci.conformance.exchange import Call, Exchange, Reply, Request
from ci.conformance.server import CALL_SECONDS, Connection

__all__ = ["Invoker"]

#: A server may need this many seconds for a second of audio before a call is given up, on top of `CALL_SECONDS`.
SECONDS_PER_AUDIO_SECOND = 5.0
#: The same for a byte of text; a megabyte is some hundred thousand words.
SECONDS_PER_TEXT_BYTE = 2e-4
#: After so many calls without an answer the server counts as hung, and further calls wait for it only so long: the
#: judgement of a dead server must end too.
HUNG_CALLS = 6
HUNG_SECONDS = 2.0
#: A Watch never ends by itself: its first message is all that is asked for.
WATCH_SECONDS = 3.0
#: Calls under way at once. A server may refuse more than it is built for, and eight streams are what the cases ask for.
CALLS_TOGETHER = 8


class Invoker:
    """Sends requests. Equal requests are sent once and share their answer, unless they have different seats.

    Args:
        connection: The server.
        chunk_seconds: The audio that the server itself takes at a time; what `chunk: model` means.
    """

    def __init__(self, connection: Connection, *, chunk_seconds: float) -> None:
        self._connection, self._chunk_seconds = connection, chunk_seconds
        self._answers: dict[Request, asyncio.Future[Exchange]] = {}
        self._hung = 0
        self._threads = ThreadPoolExecutor(CALLS_TOGETHER, thread_name_prefix="call")

    async def ask(self, request: Request) -> Exchange:
        """Sends a request, or awaits the answer to the same one."""
        if request not in self._answers:
            loop = asyncio.get_running_loop()
            self._answers[request] = asyncio.ensure_future(loop.run_in_executor(self._threads, self._send, request))
        exchange = await self._answers[request]
        self._hung += exchange.code == "DEADLINE_EXCEEDED"
        return exchange

    def _deadline(self, audio: Encoded | None = None, *, pace: str = "fast", text: int = 0) -> float:
        """Seconds until a call is given up, for so much audio or so many characters of text."""
        seconds = audio.seconds if audio else 0.0
        if self._hung >= HUNG_CALLS:
            return HUNG_SECONDS + (seconds if pace == "real-time" else 0.0)
        return CALL_SECONDS + SECONDS_PER_AUDIO_SECOND * seconds + SECONDS_PER_TEXT_BYTE * text

    def _send(self, request: Request) -> Exchange:
        speech, language, health = self._connection.speech, self._connection.language, self._connection.health
        match request.call:
            case Call.OFFLINE:
                audio = encode(request.audio, request.utterance)
                message = riva_asr_pb2.RecognizeRequest(
                    config=_config(request, audio), audio=audio.data, **_identity(request)
                )
                call = speech.Recognize.future(message, timeout=self._deadline(audio))
                return _collect_unary(request, call, audio_seconds=audio.seconds)
            case Call.STREAMING:
                return self._stream(request)
            case Call.CHECK:
                check = health_pb2.HealthCheckRequest(service=request.service)
                return _collect_unary(request, health.Check.future(check, timeout=self._deadline()))
            case Call.WATCH:
                watch = health_pb2.HealthCheckRequest(service=request.service)
                return _collect_first(request, health.Watch(watch, timeout=WATCH_SECONDS))
            case Call.PUNCTUATE | Call.TRANSFORM:
                method = language.PunctuateText if request.call is Call.PUNCTUATE else language.TransformText
                deadline = self._deadline(text=sum(len(passage.text) for passage in request.passages))
                return _collect_unary(request, method.future(_texts(request), timeout=deadline))
            case Call.NLP_MODELS:
                asked = riva_nlp_pb2.RivaNLPConfigRequest(model_name=request.model)
                return _collect_unary(request, language.GetRivaNLPConfig.future(asked, timeout=self._deadline()))
            case Call.MODELS:
                models = riva_asr_pb2.RivaSpeechRecognitionConfigRequest(model_name=request.model)
                return _collect_unary(
                    request, speech.GetRivaSpeechRecognitionConfig.future(models, timeout=self._deadline())
                )

    def _stream(self, request: Request) -> Exchange:
        audio = encode(request.audio, request.utterance)
        spec = request.stream
        size = _message_bytes(audio, request, self._chunk_seconds)
        pieces = [audio.data[start : start + size] for start in range(0, len(audio.data), size)]
        step = audio.seconds * size / max(1, len(audio.data))  # seconds of audio a message
        if spec.cancel_after is not None:
            pieces = pieces[: max(1, math.floor(spec.cancel_after / step))]
        called = threading.Event()
        started = time.perf_counter()

        def messages() -> Iterator[Any]:
            if spec.config:
                config = riva_asr_pb2.StreamingRecognitionConfig(
                    config=_config(request, audio), interim_results=spec.interim
                )
                yield riva_asr_pb2.StreamingRecognizeRequest(streaming_config=config, **_identity(request))
            for index, piece in enumerate(pieces, 1):
                if spec.pace == "real-time":  # a microphone has heard a piece only when it is over
                    time.sleep(max(0.0, started + min(index * step, audio.seconds) - time.perf_counter()))
                yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=piece)
            if spec.cancel_after is not None:
                called.wait()
                call.cancel()

        deadline = self._deadline(audio, pace=spec.pace)
        call = self._connection.speech.StreamingRecognize(messages(), timeout=deadline)
        called.set()
        replies = []
        with suppress(grpc.RpcError):  # the status below says what it was, and a case judges it
            for message in call:
                replies.append(Reply(message, time.perf_counter() - started))
        return Exchange(
            request=request,
            replies=tuple(replies),
            code=call.code().name,
            details=call.details() or "",
            audio_seconds=audio.seconds,
            messages=len(pieces),
            seconds=time.perf_counter() - started,
        )


def _collect_unary(request: Request, call: Any, *, audio_seconds: float = 0.0) -> Exchange:
    started = time.perf_counter()
    replies: tuple[Reply, ...] = ()
    if request.give_up is not None:
        time.sleep(request.give_up)
        call.cancel()
    with suppress(grpc.RpcError, grpc.FutureCancelledError):  # the status below says what it was, and a case judges it
        replies = (Reply(call.result(), time.perf_counter() - started),)
    seconds = time.perf_counter() - started
    return Exchange(
        request, replies, call.code().name, call.details() or "", audio_seconds=audio_seconds, seconds=seconds
    )


def _collect_first(request: Request, call: Any) -> Exchange:
    """The first message of a stream that never ends; the stream is given up then."""
    started = time.perf_counter()
    with suppress(grpc.RpcError):  # as above
        for message in call:
            call.cancel()
            return Exchange(request, (Reply(message, time.perf_counter() - started),), "OK", "")
    return Exchange(request, (), call.code().name, call.details() or "")


def _config(request: Request, audio: Encoded) -> Any:
    config = riva_asr_pb2.RecognitionConfig(audio_channel_count=request.audio.channels, verbatim_transcripts=True)
    if audio.encoding is not None:
        json_format.ParseDict({"encoding": audio.encoding, "sample_rate_hertz": audio.rate}, config)
    json_format.ParseDict(dict(request.settings), config)
    return config


def _texts(request: Request) -> Any:
    model = riva_nlp_pb2.NLPModelParams(model_name=request.model, language_code=request.language)
    texts = [passage.text for passage in request.passages]
    return riva_nlp_pb2.TextTransformRequest(text=texts, model=model, **_identity(request))


def _identity(request: Request) -> dict[str, Any]:
    return {"id": riva_common_pb2.RequestId(value=request.request_id)} if request.request_id else {}


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
