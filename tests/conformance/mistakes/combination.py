"""What a server may get wrong in transcripts with marks and capitals."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.conformance.mistakes.wrong_server import WrongServer
from tests.conformance.scripted.speech import Stream
from tests.conformance.tones import Word


class NeverPunctuatesSpeech(WrongServer):
    caught_by = ("punctuation/punctuated/offline", "punctuation/punctuated/streaming", "punctuation/interim-results")

    def punctuate_transcript(self, transcript: str) -> str:
        return transcript


class PunctuatesSpeechInItsOwnWay(WrongServer):
    caught_by = ("punctuation/punctuated",)

    def punctuate_transcript(self, transcript: str) -> str:
        return transcript.capitalize() + "."


class AlwaysPunctuatesSpeech(WrongServer):
    caught_by = ("punctuation/only-when-asked/offline", "punctuation/only-when-asked/streaming")

    def alternatives(self, words: list[Word], config: Any) -> list[Any]:
        asked = type(config)()
        asked.CopyFrom(config)
        asked.enable_automatic_punctuation = True
        return super().alternatives(words, asked)


class PutsWordsIn(WrongServer):
    caught_by = ("punctuation/word-error-rate/offline", "punctuation/word-error-rate/streaming")

    def punctuate_transcript(self, transcript: str) -> str:
        return f"{super().punctuate_transcript(transcript)} and so on"


class LosesTheFirstTime(WrongServer):
    """Marks are tokens of their own, and each word gets the time of the one before it."""

    caught_by = ("punctuation/word-offsets/offline", "punctuation/word-offsets/streaming")

    def alternatives(self, words: list[Word], config: Any) -> list[Any]:
        moved = [words[0], *words[:-1]] if config.enable_automatic_punctuation and words else words
        (best,) = super().alternatives(words, config)
        for word, other in zip(best.words, moved, strict=False):
            word.start_time, word.end_time = self.offsets(other, words)
        return [best]


class FinalsAreInterim(WrongServer):
    caught_by = ("punctuation/interim-results",)

    def result(self, stream: Stream, words: list[Word], *, is_final: bool) -> Any:
        if not (stream.interim and stream.config.enable_automatic_punctuation):
            return super().result(stream, words, is_final=is_final)
        plain = type(stream.config)()
        plain.CopyFrom(stream.config)
        plain.enable_automatic_punctuation = False
        result = super().result(stream, words, is_final=is_final)
        if words:
            result.alternatives[0].CopyFrom(self.alternatives(words, plain)[0])
        return result


class UnmasksToPunctuate(WrongServer):
    caught_by = ("punctuation/with-profanity-filter/offline", "punctuation/with-profanity-filter/streaming")

    def write(self, word: str, config: Any) -> str:
        return word if config.enable_automatic_punctuation else super().write(word, config)


class PunctuatesSilence(WrongServer):
    caught_by = ("punctuation/silence/offline", "punctuation/silence/streaming")

    def recognise(self, samples: Any, kind: str) -> list[Word]:
        return super().recognise(samples, kind) or [Word("", 0.0, 0.0)]

    def punctuate_transcript(self, transcript: str) -> str:
        return super().punctuate_transcript(transcript) or "."


class PunctuatesWithARecogniser(WrongServer):
    caught_by = (
        "punctuation/recogniser-is-no-punctuator/offline",
        "punctuation/recogniser-is-no-punctuator/streaming",
    )

    def find(self, model: Any) -> None:
        if model.model_name not in self.models():
            super().find(model)


class PunctuatesOneAtATime(WrongServer):
    """Whoever comes while another is served goes without marks."""

    caught_by = ("punctuation/concurrent/offline", "punctuation/concurrent/streaming")

    def __init__(self) -> None:
        self.running = 0

    def punctuate_transcript(self, transcript: str) -> str:
        return transcript if self.running > 1 else super().punctuate_transcript(transcript)

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.running += 1
        try:
            await asyncio.sleep(0.2)
            return await super().Recognize(request, context)
        finally:
            self.running -= 1

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.running += 1
        try:
            await asyncio.sleep(0.2)
            async for response in super().StreamingRecognize(requests, context):
                yield response
        finally:
            self.running -= 1
