"""Speech recognition of the scripted server, which understands the language of tones."""

import io
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from riva.client.proto import riva_asr_pb2 as asr
from riva.client.proto import riva_asr_pb2_grpc
from riva.client.proto.riva_audio_pb2 import AudioEncoding

from tests.conformance import tones
from tests.conformance.scripted.language import LANGUAGE, LanguageServer, Refusal
from tests.conformance.tones import Word

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


class SpeechServer(LanguageServer, riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):
    """The correct one."""

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
        transcript = " ".join(self.write(word.text, config) for word in words)
        if config.enable_automatic_punctuation:
            transcript = self.punctuate_transcript(transcript)
        best = asr.SpeechRecognitionAlternative(transcript=transcript, confidence=0.9)
        for word, written in zip(words, transcript.split(), strict=False) if config.enable_word_time_offsets else []:
            start, end = self.offsets(word, words)
            best.words.add(word=written, start_time=start, end_time=end, confidence=0.9)
        return [best]

    def punctuate_transcript(self, transcript: str) -> str:
        return self.punctuate(transcript)

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
