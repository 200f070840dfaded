"""Deliberate mistakes: each class is the correct server with one method wrong, and names the cases that must notice.

`caught_by` holds address patterns below `speech_recognition/`; every one of them must select a case that fails.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import grpc
import numpy as np
from grpc_health.v1 import health_pb2
from riva.client.proto import riva_asr_pb2 as asr

from tests.conformance.scripted_server import Refusal, Samples, ScriptedServer, Stream
from tests.conformance.tones import RATE, Word

INTERNAL = grpc.StatusCode.INTERNAL


class WrongServer(ScriptedServer):
    """Base of the servers with a mistake.

    Attributes:
        caught_by: The cases that must fail.
        after: Cases to run before, where the mistake shows only in the long run.
    """

    caught_by: ClassVar[tuple[str, ...]]
    after: ClassVar[tuple[str, ...]] = ()


# Health.


class SaysNotServing(WrongServer):
    caught_by = ("health/server", "health/service", "health/watch")

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING


class KnowsOnlyTheServer(WrongServer):
    caught_by = ("health/service",)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.SERVING if not service else None


class ServesAnyService(WrongServer):
    caught_by = ("health/unknown-service", "health/watch-unknown-service")

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.SERVING


class CannotBeWatched(WrongServer):
    caught_by = ("health/watch",)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not here")
        yield


# Configuration.


class ListsNothing(WrongServer):
    caught_by = ("configuration/models-listed", "configuration/declared-models")

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {}


class ListsNoParameters(WrongServer):
    caught_by = ("configuration/models-described",)

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {each: {"language_code": "en-US"} for each in super().named_models(name)}


class ForgetsTheOfflineModel(WrongServer):
    caught_by = (
        "configuration/declared-models",
        "configuration/models-answer/offline",
        "recognition/word-error-rate/offline",
        "liveness/same-answer/offline",
    )

    def models(self) -> dict[str, dict[str, str]]:
        return {name: each for name, each in super().models().items() if each["type"] == "online"}

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if kind == "offline":
            raise Refusal(self.unavailable(config, kind))


class ListsAnUndeclaredModel(WrongServer):
    caught_by = ("configuration/declared-models",)

    def models(self) -> dict[str, dict[str, str]]:
        models = super().models()
        return {**models, "surprise": {**models["tones-offline"], "language_code": "de-DE"}}


class ListsAllForOneName(WrongServer):
    caught_by = ("configuration/one-model/offline", "configuration/one-model/streaming")

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return self.models()


# Recognition.


class HearsNothing(WrongServer):
    caught_by = ("configuration/models-answer/*", "recognition/word-error-rate/*", "formats/flac/*")

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        return []


class MishearsOneWord(WrongServer):
    caught_by = ("recognition/word-error-rate/offline", "recognition/word-error-rate/streaming")

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        return [
            replace(word, text="alfa" if word.text == "alpha" else word.text)
            for word in super().recognise(samples, kind)
        ]


class HearsLessInStreams(WrongServer):
    caught_by = ("recognition/streaming-minus-offline", "recognition/word-error-rate/streaming")

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        words = super().recognise(samples, kind)
        return words[:-1] if kind == "online" else words


class CountsInSeconds(WrongServer):
    caught_by = ("recognition/word-offsets/offline", "recognition/word-offsets/streaming")

    def offsets(self, word: Word, words: list[Word]) -> tuple[int, int]:
        return int(word.start), int(word.start)


class CountsInSamples(WrongServer):
    caught_by = ("recognition/word-offsets",)

    def offsets(self, word: Word, words: list[Word]) -> tuple[int, int]:
        return round(RATE * word.start), round(RATE * word.end)


class CountsBackwards(WrongServer):
    caught_by = ("recognition/word-offsets",)

    def offsets(self, word: Word, words: list[Word]) -> tuple[int, int]:
        start, end = super().offsets(words[-1 - words.index(word)], words)
        return start, end


class CountsFromTheFirstWord(WrongServer):
    caught_by = ("recognition/word-offsets-after-silence",)

    def offsets(self, word: Word, words: list[Word]) -> tuple[int, int]:
        start, end = super().offsets(word, words)
        return start - round(1000 * words[0].start), end - round(1000 * words[0].start)


class LosesWordOffsets(WrongServer):
    caught_by = ("recognition/word-offsets", "invariants/interim-latency")

    def alternatives(self, words: list[Word], config: Any) -> list[Any]:
        plain = type(config)()
        plain.CopyFrom(config)
        plain.enable_word_time_offsets = False
        return super().alternatives(words, plain)


class AlwaysHasFiveAlternatives(WrongServer):
    caught_by = ("recognition/alternatives", "recognition/one-alternative")

    def alternatives(self, words: list[Word], config: Any) -> list[Any]:
        return super().alternatives(words, config) * 5


class RefusesModelNames(WrongServer):
    caught_by = ("recognition/by-model-name/offline", "recognition/by-model-name/streaming")

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if config.model:
            raise Refusal(self.unavailable(config, kind))


class NeverMasks(WrongServer):
    caught_by = ("recognition/profanity",)

    def write(self, word: str, config: Any) -> str:
        return word


class MasksEveryWord(WrongServer):
    caught_by = ("recognition/profanity", "recognition/clean-speech")

    def write(self, word: str, config: Any) -> str:
        return word[0] + "*" * (len(word) - 1) if config.profanity_filter else word


class NeverEndsSpeech(WrongServer):
    caught_by = ("recognition/endpointing",)

    def patience(self, config: Any) -> float:
        return float("inf")


class EndsSpeechAsItLikes(WrongServer):
    caught_by = ("recognition/patient-endpointing",)

    def patience(self, config: Any) -> float:
        return 0.5


class HearsOneMinuteOnly(WrongServer):
    caught_by = ("recognition/long-audio",)

    def resample(self, samples: Samples, rate: int) -> Samples:
        return super().resample(samples[: 60 * rate], rate)

    def processed(self, seconds: float) -> float:
        return min(seconds, 60.0)


# Formats.


class IgnoresTheRateOfHeaders(WrongServer):
    caught_by = tuple(
        f"formats/wav/{mode}/rate:{rate}" for mode in ("offline", "streaming") for rate in (8000, 22050, 44100, 48000)
    )

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        return super().decode_header(config, data, whole=whole)[0], RATE


class NeverResamples(WrongServer):
    caught_by = ("formats/pcm-rates", "formats/flac-rates")

    def resample(self, samples: Samples, rate: int) -> Samples:
        return samples


class NeedsAnEncoding(WrongServer):
    caught_by = ("formats/wav", "formats/flac", "formats/ogg-opus", "formats/companded-wav")

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if not config.encoding:
            raise Refusal("Error: invalid format")


class CannotReadHeaders(WrongServer):
    caught_by = ("formats/flac", "formats/named-encoding", "formats/eight-bit-wav")

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        raise Refusal("Error: invalid format")


class CannotReadOpus(WrongServer):
    caught_by = ("formats/ogg-opus",)

    def check_header(self, config: Any, file: Any) -> None:
        super().check_header(config, file)
        if file.subtype == "OPUS":
            raise Refusal("Error: invalid format")


class WantsTheHeaderAtOnce(WrongServer):
    caught_by = ("formats/split-header/wav", "formats/split-header/flac", "formats/split-header/ogg-opus")

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        if not stream.data and len(data) < 44:
            raise Refusal("Error: invalid format")
        return super().hear(stream, data)


class SwapsBytes(WrongServer):
    caught_by = ("formats/pcm",)

    def decode_raw(self, config: Any, data: bytes) -> Samples:
        return np.frombuffer(data[: len(data) // 2 * 2], ">i2").astype(np.float32) / 32768


class TakesCompandedForPcm(WrongServer):
    caught_by = ("formats/companded/*/mulaw/*", "formats/companded/*/alaw/*")

    def decode_raw(self, config: Any, data: bytes) -> Samples:
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768


class BreaksOnTruncatedAudio(WrongServer):
    caught_by = ("formats/truncated-wav", "formats/truncated-flac")

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        try:
            samples, rate = super().decode_header(config, data, whole=whole)
        except Refusal:
            raise Refusal("Traceback (most recent call last)", INTERNAL) from None
        if whole and data.startswith(b"RIFF") and int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise Refusal("Traceback (most recent call last)", INTERNAL)
        return samples, rate


# Errors.


class ServesAnyLanguage(WrongServer):
    caught_by = (
        "errors/unknown-language",
        "errors/unknown-language-with-rate",
        "errors/shortened-language",
        "errors/unknown-model",
    )

    def refuse(self, config: Any, kind: str) -> None:
        config.language_code, config.model = "en-US", ""
        super().refuse(config, kind)


class HasItsOwnWords(WrongServer):
    caught_by = ("errors/unknown-language", "errors/unknown-language-with-rate", "errors/unknown-model")

    def unavailable(self, config: Any, kind: str) -> str:
        return f"Error: Unavailable model requested. Lang: {config.language_code}, Type: {kind}"


class ForgetsTheType(WrongServer):
    caught_by = ("errors/unknown-language-with-rate/offline", "errors/unknown-language-with-rate/streaming")

    def unavailable(self, config: Any, kind: str) -> str:
        return super().unavailable(config, kind).replace(f"type={kind}; ", "")


class HasOneStatusForAll(WrongServer):
    caught_by = ("errors/unknown-language", "errors/not-audio", "errors/two-channels", "errors/separate-channels")

    def refuse(self, config: Any, kind: str) -> None:
        try:
            super().refuse(config, kind)
        except Refusal as refusal:
            raise Refusal(refusal.message, grpc.StatusCode.UNKNOWN) from None

    def decode(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        try:
            return super().decode(config, data, whole=whole)
        except Refusal as refusal:
            raise Refusal(refusal.message, grpc.StatusCode.UNKNOWN) from None


class ToleratesAnything(WrongServer):
    caught_by = (
        "errors/first-message-lacks-config",
        "errors/header-with-another-rate",
        "errors/header-with-another-encoding",
        "errors/not-audio",
        "errors/two-channels",
        "errors/two-channels-named",
        "errors/bits-per-sample",
        "errors/separate-channels",
    )

    def refuse(self, config: Any, kind: str) -> None:
        pass

    def listen(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, float]:
        return np.zeros(RATE, np.float32), 1.0

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            pass
        yield asr.StreamingRecognizeResponse()


# Invariants.


class LosesAWordToSmallMessages(WrongServer):
    caught_by = ("invariants/message-size",)

    def end(self, stream: Stream) -> Iterator[Any]:
        for response in super().end(stream):
            if stream.messages > 40:
                best = response.results[0].alternatives[0]
                best.transcript = best.transcript.rpartition(" ")[0]
            yield response


class DropsHalfSamples(WrongServer):
    caught_by = ("invariants/odd-message-size",)

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        return super().hear(stream, data[: len(data) // 2 * 2])


class ChangesItsMindWithInterimResults(WrongServer):
    caught_by = ("invariants/interim-results",)

    def end(self, stream: Stream) -> Iterator[Any]:
        for response in super().end(stream):
            if stream.interim:
                response.results[0].alternatives[0].transcript += " really"
            yield response


class NeverIsFinal(WrongServer):
    caught_by = ("invariants/interim-results", "recognition/word-error-rate/streaming")

    def result(self, stream: Stream, words: list[Word], *, is_final: bool) -> Any:
        return super().result(stream, words, is_final=False)


class EndsWithAnInterimResult(WrongServer):
    caught_by = ("invariants/interim-results",)

    def end(self, stream: Stream) -> Iterator[Any]:
        yield from super().end(stream)
        if stream.interim:
            yield self.response(stream, [self.result(stream, stream.words, is_final=False)])


class IsNotStable(WrongServer):
    caught_by = ("invariants/interim-results",)

    def stability(self) -> float:
        return 0.0


class IsMoreThanStable(WrongServer):
    caught_by = ("invariants/interim-results",)

    def stability(self) -> float:
        return 90.0


class AnswersTwice(WrongServer):
    caught_by = ("invariants/one-response-per-message",)

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        for response in super().hear(stream, data):
            yield response
            yield response


class AnswersOnlyAtTheEnd(WrongServer):
    caught_by = ("invariants/interim-latency", "invariants/one-response-per-message", "invariants/interim-text")

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        for _ in super().hear(stream, data):
            pass
        return
        yield


class GuessesAhead(WrongServer):
    caught_by = ("invariants/interim-text",)

    def interim_words(self, words: list[Word]) -> list[Word]:
        return [replace(word, text="well") for word in words]


class CountsAudioInMilliseconds(WrongServer):
    caught_by = ("invariants/audio-processed/offline", "invariants/audio-processed/streaming")

    def processed(self, seconds: float) -> float:
        return 1000 * seconds


class CountsAudioOfOneMessage(WrongServer):
    caught_by = ("invariants/audio-processed/streaming",)

    def processed(self, seconds: float) -> float:
        return min(seconds, 0.16)


class CountsAudioBackwards(WrongServer):
    caught_by = ("invariants/audio-processed-grows",)

    def result(self, stream: Stream, words: list[Word], *, is_final: bool) -> Any:
        result = super().result(stream, words, is_final=is_final)
        if not is_final:
            result.audio_processed = 100 - stream.seconds
        return result


class IsConfusedBySilence(WrongServer):
    caught_by = ("invariants/silence-before", "invariants/only-silence")

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        silent = len(samples) > RATE and not np.any(np.abs(samples[:RATE]) > 0.05)
        return [*([Word("hm", 0.1, 0.2)] if silent else []), *super().recognise(samples, kind)]


class RefusesEmptyAudio(WrongServer):
    caught_by = ("invariants/empty-audio/offline", "invariants/empty-audio/streaming", "invariants/no-message")

    def listen(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, float]:
        if not data:
            raise Refusal("Error: empty audio")
        return super().listen(config, data, whole=whole)

    def end(self, stream: Stream) -> Iterator[Any]:
        if not stream.data:
            raise Refusal("Error: empty audio")
        return super().end(stream)


class ForgetsTheRequestId(WrongServer):
    caught_by = ("invariants/request-id/offline", "invariants/request-id/streaming")

    def identity(self, request_id: Any) -> Any:
        return type(request_id)()


class RefusesUnknownKeys(WrongServer):
    caught_by = ("invariants/unknown-keys/offline", "invariants/unknown-keys/streaming")

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if config.custom_configuration:
            raise Refusal("Error: unknown key")


class IsDisturbedByAClientThatGivesUp(WrongServer):
    caught_by = ("invariants/cancel",)

    def __init__(self) -> None:
        self.given_up = False

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        if self.given_up:
            await context.abort(INTERNAL, "sequence is in use")
        done = False
        try:
            async for response in super().StreamingRecognize(requests, context):
                yield response
            done = True
        finally:
            self.given_up |= not done


class MixesUpNeighbours(WrongServer):
    """Streams that run at once share their words, as a batch with a wrong index would."""

    caught_by = ("invariants/concurrent/streaming", "invariants/same-audio-at-once/streaming")

    def __init__(self) -> None:
        self.running = self.started = 0

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.running += 1
        self.started += 1
        neighbour = self.started
        try:
            await asyncio.sleep(0.2)  # long enough for the others to begin, on a busy machine too
            crowded = self.running > 1
            async for response in super().StreamingRecognize(requests, context):
                for result in response.results if crowded else ():
                    result.alternatives[0].transcript = f"{neighbour} {result.alternatives[0].transcript}"
                yield response
        finally:
            self.running -= 1


class IsOverwhelmed(WrongServer):
    caught_by = ("invariants/concurrent/offline", "invariants/same-audio-at-once/offline")

    def __init__(self) -> None:
        self.running = 0

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.running += 1
        try:
            await asyncio.sleep(0.2)
            if self.running > 1:
                await context.abort(grpc.StatusCode.UNKNOWN, "Error: Triton model failed during inference.")
            return await super().Recognize(request, context)
        finally:
            self.running -= 1


# Liveness.


class TiresAfterTwentyCalls(WrongServer):
    caught_by = ("liveness/same-answer/offline", "liveness/same-answer/streaming")
    after = ("configuration/models-answer", "recognition/word-error-rate", "formats/flac-rates", "formats/wav")

    def __init__(self) -> None:
        self.calls = 0

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        return super().recognise(samples, kind)[: None if self.calls <= 20 else 1]

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.calls += 1
        return await super().Recognize(request, context)


class StopsServingAfterAStream(WrongServer):
    caught_by = ("liveness/still-serving", "liveness/still-listed")
    after = ("health", "configuration", "recognition/word-error-rate/streaming")

    def __init__(self) -> None:
        self.worn = False

    def end(self, stream: Stream) -> Iterator[Any]:
        self.worn = True
        return super().end(stream)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING if self.worn else super().health(service)

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {} if self.worn else super().named_models(name)


MISTAKES = WrongServer.__subclasses__()
