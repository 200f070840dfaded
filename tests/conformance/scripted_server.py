"""A riva-speech server that understands the language of tones, as correct as this suite can tell.

Every behaviour is a method of its own, so that a mistake is a subclass that overrides one of them.
"""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import soundfile
import soxr
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from numpy.typing import NDArray
from riva.client.proto import riva_asr_pb2 as asr
from riva.client.proto import riva_asr_pb2_grpc
from riva.client.proto.riva_audio_pb2 import AudioEncoding

from tests.conformance import tones
from tests.conformance.tones import Word

LANGUAGE = "en-US"
SERVICE = "nvidia.riva.asr.RivaSpeechRecognition"
PROFANE = frozenset({"golf"})
STOP_HISTORY = 0.8
SUBTYPES = {AudioEncoding.LINEAR_PCM: "PCM_16", AudioEncoding.MULAW: "ULAW", AudioEncoding.ALAW: "ALAW"}
CODECS = {
    "PCM_16": AudioEncoding.LINEAR_PCM,
    "PCM_U8": AudioEncoding.LINEAR_PCM,
    "ULAW": AudioEncoding.MULAW,
    "ALAW": AudioEncoding.ALAW,
    "OPUS": AudioEncoding.OGGOPUS,
}
HEADERS = (b"RIFF", b"fLaC", b"OggS")

Samples = NDArray[np.float32]


class Refusal(Exception):
    """Ends a call with a status."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.message, self.code = message, code


@dataclass
class Stream:
    """What the server remembers of one stream."""

    config: Any = None
    interim: bool = False
    request_id: Any = None
    data: bytes = b""
    messages: int = 0
    settled: int = 0
    words: list[Word] = field(default_factory=list)
    seconds: float = 0.0


class ScriptedServer(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer, health_pb2_grpc.HealthServicer):
    """The correct one; `server` is what serves it."""

    server: grpc.aio.Server

    # Health.

    def health(self, service: str) -> int | None:
        """The status of a service, None if it does not exist."""
        return health_pb2.HealthCheckResponse.SERVING if service in ("", SERVICE, HEALTH) else None

    async def Check(self, request: Any, context: Any) -> Any:
        status = self.health(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        status = self.health(request.service)
        unknown = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        yield health_pb2.HealthCheckResponse(status=unknown if status is None else status)

    # Configuration.

    def models(self) -> dict[str, dict[str, str]]:
        """Parameters of the models by their names."""
        common = {"language_code": LANGUAGE, "sample_rate": str(tones.RATE), "chunk_size": "0.16"}
        return {
            "tones-streaming": {**common, "type": "online", "streaming": "True", "offline": "False"},
            "tones-offline": {**common, "type": "offline", "streaming": "False", "offline": "True"},
        }

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {each: parameters for each, parameters in self.models().items() if name in ("", each)}

    async def GetRivaSpeechRecognitionConfig(self, request: Any, context: Any) -> Any:
        response = asr.RivaSpeechRecognitionConfigResponse()
        for name, parameters in self.named_models(request.model_name).items():
            response.model_config.add(model_name=name, parameters=parameters)
        return response

    # What is refused.

    def refuse(self, config: Any, kind: str) -> None:
        """Raises `Refusal` for a configuration that cannot be served."""
        fitting = [name for name, each in self.models().items() if each["type"] == kind]
        if config.language_code != LANGUAGE or config.model not in ("", *fitting):
            raise Refusal(self.unavailable(config, kind))
        if config.audio_channel_count > 1:
            raise Refusal("Error: channel count must be 1")
        if config.enable_separate_recognition_per_channel:
            raise Refusal("Error: separate recognition per channel not yet supported")

    def unavailable(self, config: Any, kind: str) -> str:
        rate = f"sample_rate={config.sample_rate_hertz}; " if config.sample_rate_hertz else ""
        asked = f"language_code={config.language_code}; {rate}type={kind}; "
        return f"Error: Unavailable model requested given these parameters: {asked}"

    # Audio.

    def decode(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        """Samples and rate of the bytes so far.

        Raises:
            Refusal: The bytes are no audio, or not what the configuration says.
        """
        if data.startswith(HEADERS):
            return self.decode_header(config, data, whole=whole)
        if config.encoding not in SUBTYPES or not config.sample_rate_hertz:
            raise Refusal("Error: invalid format")
        return self.decode_raw(config, data), config.sample_rate_hertz

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                self.check_header(config, file)
                return file.read(dtype="float32"), file.samplerate
        except soundfile.LibsndfileError:
            if whole:
                raise Refusal("Error: invalid format") from None
            return np.zeros(0, np.float32), tones.RATE

    def check_header(self, config: Any, file: soundfile.SoundFile) -> None:
        encoding = AudioEncoding.FLAC if file.format == "FLAC" else CODECS.get(file.subtype)
        if encoding is None:
            raise Refusal("Error: bits per sample must be 8 or 16")
        rate = file.samplerate
        if config.encoding not in (0, encoding) or config.sample_rate_hertz not in (0, rate):
            raise Refusal("Error: config format doesn't match with header format")

    def decode_raw(self, config: Any, data: bytes) -> Samples:
        if config.encoding == AudioEncoding.LINEAR_PCM:
            return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768
        codec = SUBTYPES[config.encoding]
        file = io.BytesIO(data)
        raw, _ = soundfile.read(
            file, samplerate=config.sample_rate_hertz, channels=1, format="RAW", subtype=codec, dtype="float32"
        )
        return raw

    def resample(self, samples: Samples, rate: int) -> Samples:
        return samples if rate == tones.RATE or not len(samples) else soxr.resample(samples, rate, tones.RATE)

    # Results.

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        return tones.recognise(samples)

    def write(self, word: str, config: Any) -> str:
        """How a word is written."""
        return word[0] + "*" * (len(word) - 1) if config.profanity_filter and word in PROFANE else word

    def offsets(self, word: Word, words: list[Word]) -> tuple[int, int]:
        """Start and end in ms."""
        return round(1000 * word.start), round(1000 * word.end)

    def alternatives(self, words: list[Word], config: Any) -> list[Any]:
        best = asr.SpeechRecognitionAlternative(
            transcript=" ".join(self.write(word.text, config) for word in words), confidence=0.9
        )
        for word in words if config.enable_word_time_offsets else []:
            start, end = self.offsets(word, words)
            best.words.add(word=self.write(word.text, config), start_time=start, end_time=end, confidence=0.9)
        return [best]

    def processed(self, seconds: float) -> float:
        return seconds

    def stability(self) -> float:
        return 0.5

    def interim_words(self, words: list[Word]) -> list[Word]:
        return words

    def identity(self, request_id: Any) -> Any:
        return request_id

    # Calls.

    async def Recognize(self, request: Any, context: Any) -> Any:
        response = asr.RecognizeResponse()
        if request.HasField("id"):
            response.id.CopyFrom(self.identity(request.id))
        try:
            self.refuse(request.config, "offline")
            samples, rate = self.listen(request.config, request.audio, whole=True)
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.message)
        words = self.recognise(samples, "offline")
        if words:
            result = response.results.add(audio_processed=self.processed(rate), channel_tag=1)
            result.alternatives.extend(self.alternatives(words, request.config))
        elif len(samples):
            response.results.add(audio_processed=self.processed(rate))
        return response

    def listen(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, float]:
        """Samples at the rate of the model, and the seconds that they last."""
        if not data:
            return np.zeros(0, np.float32), 0.0
        samples, rate = self.decode(config, data, whole=whole)
        if samples.ndim > 1:
            raise Refusal("Error: channel count must be 1")
        return self.resample(samples, rate), len(samples) / rate

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        stream = Stream()
        try:
            async for request in requests:
                if request.HasField("streaming_config"):
                    self.begin(stream, request)
                    continue
                if stream.config is None:
                    raise Refusal("Error: First StreamingRecognize request must contain RecognitionConfig")
                for response in self.hear(stream, request.audio_content):
                    yield response
            for response in self.end(stream):
                yield response
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.message)

    def begin(self, stream: Stream, request: Any) -> None:
        self.refuse(request.streaming_config.config, "online")
        stream.config, stream.interim = request.streaming_config.config, request.streaming_config.interim_results
        stream.request_id = request.id if request.HasField("id") else None

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        """Takes a message of audio; yields one response with interim results, else only final ones."""
        stream.messages += 1
        stream.data += data
        samples, stream.seconds = self.listen(stream.config, stream.data, whole=False)
        stream.words = self.recognise(samples, "online")
        results = list(self.endpoint(stream))
        fresh = self.interim_words(stream.words[stream.settled :])
        if stream.interim and fresh:
            results.append(self.result(stream, fresh, is_final=False))
        if results or stream.interim:
            yield self.response(stream, results)

    def patience(self, config: Any) -> float:
        """Seconds of silence that end speech."""
        return config.endpointing_config.stop_history / 1000 or STOP_HISTORY

    def endpoint(self, stream: Stream) -> Iterator[Any]:
        fresh = stream.words[stream.settled :]
        if fresh and stream.seconds - fresh[-1].end > self.patience(stream.config):
            stream.settled = len(stream.words)
            yield self.result(stream, fresh, is_final=True)

    def end(self, stream: Stream) -> Iterator[Any]:
        """What comes after the client has sent everything."""
        if not stream.data:
            return
        samples, stream.seconds = self.listen(stream.config, stream.data, whole=True)
        stream.words = self.recognise(samples, "online")
        yield self.response(stream, [self.result(stream, stream.words[stream.settled :], is_final=True)])

    def result(self, stream: Stream, words: list[Word], *, is_final: bool) -> Any:
        result = asr.StreamingRecognitionResult(
            is_final=is_final, audio_processed=self.processed(stream.seconds), channel_tag=1
        )
        if not is_final:
            result.stability = self.stability()
        if words:
            result.alternatives.extend(self.alternatives(words, stream.config))
        return result

    def response(self, stream: Stream, results: Iterable[Any]) -> Any:
        response = asr.StreamingRecognizeResponse(results=results)
        if stream.request_id is not None:
            response.id.CopyFrom(self.identity(stream.request_id))
        return response


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
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    address = "localhost:0"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    return server, port
