"""Windows over a long text, as NeMo cuts them for punctuation (`BertPunctuationCapitalizationInferDataset`).

A window is as many pieces as the network takes; the next one begins `step` pieces later. Near a border inside the text
the network lacks context, so the `margin` pieces next to it decide nothing. What several windows say about a word is
multiplied (`punctuator.py`).

This module is copied into the model repository: it needs nothing but Python.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["SPECIAL", "Window", "WindowSettings", "windows"]

SPECIAL = 2  # [CLS] before the pieces of a window, [SEP] after them


@dataclass(frozen=True, kw_only=True)
class WindowSettings:
    """How a text is cut; the defaults are NeMo's.

    Args:
        max_seq_length: Pieces that the network sees at once, with [CLS] and [SEP].
        step: Pieces from the start of a window to the start of the next one.
        margin: Pieces next to an inner border that decide nothing.
    """

    max_seq_length: int = 64
    step: int = 8
    margin: int = 16

    @property
    def length(self) -> int:
        """Pieces of the text in a window."""
        return self.max_seq_length - SPECIAL

    @property
    def stride(self) -> int:
        """The step, shortened where it would leave words between the margins of two windows undecided."""
        return min(self.step, self.length - 2 * self.margin)


class Window(NamedTuple):
    """Pieces `first` to `last` of a text, which decide about its words `from_word` to `to_word`, ends excluded."""

    first: int
    last: int
    from_word: int
    to_word: int


def windows(starts: Sequence[int], pieces: int, settings: WindowSettings) -> Iterator[Window]:
    """The windows of a text that decide about a word, in order.

    Args:
        starts: For each word, the number of its first piece; what is said about that piece is said about the word.
        pieces: Pieces of the text.
        settings: How to cut.
    """
    beyond = max(0, pieces - settings.length)
    count = 1 - (-beyond // settings.stride)
    for index in range(count):
        first = index * settings.stride
        last = min(first + settings.length, pieces)
        from_word = bisect_left(starts, first + settings.margin) if index else 0
        to_word = bisect_left(starts, last - settings.margin) if index < count - 1 else len(starts)
        if from_word < to_word:
            yield Window(first, last, from_word, to_word)
