"""What a server may let matter that must not, or count wrongly."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import grpc
import numpy as np

from tests.conformance.mistakes.wrong_server import INTERNAL, WrongServer
from tests.conformance.scripted.speech import Refusal, Samples, Stream
from tests.conformance.tones import RATE, Word


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
