"""Greedy CTC decoding that goes on from chunk to chunk: tokens, then words with times and confidence.

A token is the first time step of a run of equal best labels that is not blank (Graves et al., 2006, best path). Its
end is the end of the run. Confidence is the mean probability that the network gave its own choice.

This module is copied into the model repository: it needs nothing of this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["GreedyDecoder", "Vocabulary", "Word"]

_WORD_START = "▁"  # U+2581, SentencePiece's mark at the start of a word
_UNKNOWN = "<unk>"
_UNKNOWN_TEXT = "⁇"  # U+2047, what SentencePiece writes for it


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its times in milliseconds since the start of the stream, and its confidence between 0 and 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Vocabulary:
    """The labels of the network: characters with a space between words, or SentencePiece pieces. Blank is last."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.blank = len(labels)
        pieces = any(label.startswith(_WORD_START) for label in labels)
        separator = _WORD_START if pieces else " "
        self.starts_word = [label.startswith(separator) for label in labels]
        self.text = [_UNKNOWN_TEXT if label == _UNKNOWN else label.replace(separator, "") for label in labels]


@dataclass(slots=True)
class _OpenWord:
    """A word that may still grow; time steps count from the start of the stream."""

    start: int
    end: int
    text: str = ""
    probabilities: list[float] = field(default_factory=list)


class GreedyDecoder:
    """The text of one stream since its last final result."""

    def __init__(self, vocabulary: Vocabulary, *, step_ms: float) -> None:
        """Args:
        vocabulary: What the outputs of the network mean.
        step_ms: Duration of a time step of the network in milliseconds.
        """
        self._vocabulary, self._step_ms = vocabulary, step_ms
        self._words: list[_OpenWord] = []
        self._previous = vocabulary.blank

    @property
    def transcript(self) -> str:
        """The words since the last reset, separated by blanks."""
        return " ".join(word.text for word in self._words if word.text)

    def decode(self, labels: Sequence[int], probabilities: Sequence[float], *, first_step: int) -> None:
        """Goes on with the next time steps.

        Args:
            labels: The best label of each step.
            probabilities: Its probability.
            first_step: The first step's number since the start of the stream.
        """
        blank = self._vocabulary.blank
        for step, (label, probability) in enumerate(zip(labels, probabilities, strict=True), first_step):
            if label == self._previous:
                if label != blank and self._words:
                    self._words[-1].end = step + 1
                continue
            self._previous = label
            if label != blank:
                self._add(label, probability, step)

    def _add(self, label: int, probability: float, step: int) -> None:
        text = self._vocabulary.text[label]
        if self._vocabulary.starts_word[label] or not self._words:
            self._words.append(_OpenWord(step, step + 1))
        word = self._words[-1]
        if not text:
            return
        if not word.text:
            word.start = step
        word.text += text
        word.end = step + 1
        word.probabilities.append(probability)

    def words(self, *, limit_ms: float) -> tuple[Word, ...]:
        """Returns the words since the last reset, none of them ending after `limit_ms`."""
        return tuple(
            Word(
                word.text,
                int(min(word.start * self._step_ms, limit_ms)),
                int(min(word.end * self._step_ms, limit_ms)),
                sum(word.probabilities) / len(word.probabilities),
            )
            for word in self._words
            if word.text
        )

    def reset(self) -> None:
        """Starts a new text; the last label is kept, so that a token across the border is not said twice."""
        self._words = []
