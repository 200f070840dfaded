"""What a server may get wrong in what it hears."""

from dataclasses import replace
from typing import Any

from tests.conformance.mistakes.wrong_server import WrongServer
from tests.conformance.scripted.speech import Refusal, Samples
from tests.conformance.tones import RATE, Word


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
