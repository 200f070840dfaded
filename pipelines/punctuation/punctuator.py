"""From text without marks to text with them: pieces and windows for the network, its answers back to words.

This is what NeMo's `PunctuationCapitalizationModel.add_punctuation_capitalization` does: words are what white space
separates; the network says of each word which mark follows it and whether it begins with a capital.

This module is copied into the model repository: it needs numpy and nothing of this project but its neighbours.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .tokenization import WordPieceTokenizer
from .windows import SPECIAL, Window, WindowSettings, windows

__all__ = ["Answer", "Punctuator", "PunctuatorSettings", "Text", "probabilities"]

Probabilities = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class PunctuatorSettings:
    """Everything a punctuator needs to know but its vocabulary; `riva-deploy` writes it as JSON beside the model.

    Args:
        marks: For each punctuation label, what is written after a word; empty for the label that means nothing.
        capitals: For each capitalisation label, whether the word begins with a capital.
        lower_case: Whether the network knows lower-case letters without accents only.
        windows: How long texts are cut.
    """

    marks: tuple[str, ...]
    capitals: tuple[bool, ...]
    lower_case: bool
    windows: WindowSettings = field(default_factory=WindowSettings)

    def to_json(self) -> str:
        """Returns the settings as JSON; `from_json` is the inverse."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "PunctuatorSettings":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            marks=tuple(values["marks"]),
            capitals=tuple(values["capitals"]),
            lower_case=values["lower_case"],
            windows=WindowSettings(**values["windows"]),
        )


class Punctuator:
    """What all texts of a pipeline share.

    Args:
        settings: Everything but the vocabulary.
        vocabulary: The word pieces in the order of their numbers.
    """

    def __init__(self, settings: PunctuatorSettings, vocabulary: Iterable[str]) -> None:
        self.settings = settings
        self.tokenizer = WordPieceTokenizer(vocabulary, lower_case=settings.lower_case)

    def inputs(self, batch: Sequence[tuple["Text", Window]]) -> tuple[Numbers, Numbers, Numbers]:
        """What the network is asked about some windows, the shorter ones padded at their end.

        Returns:
            `input_ids`, `attention_mask` and `token_type_ids`, each (windows, pieces of the longest).
        """
        tokenizer = self.tokenizer
        length = max(window.last - window.first for _, window in batch) + SPECIAL
        numbers = np.full((len(batch), length), tokenizer.pad, np.int64)
        mask = np.zeros_like(numbers)
        for row, kept, (text, window) in zip(numbers, mask, batch, strict=True):
            size = window.last - window.first + SPECIAL
            row[0] = tokenizer.classify
            row[1 : size - 1] = text.pieces[window.first : window.last]
            row[size - 1] = tokenizer.separate
            kept[:size] = 1
        return numbers, mask, np.zeros_like(numbers)


class Answer(NamedTuple):
    """What the network says about the pieces of a window.

    Attributes:
        marks: Probabilities (pieces, punctuation labels).
        capitals: Probabilities (pieces, capitalisation labels).
    """

    marks: Probabilities
    capitals: Probabilities


class Text:
    """One text on its way: its words, and what the network has said about them so far.

    A word without pieces, such as a lone control character, stays as it is and is not shown to the network.
    """

    def __init__(self, text: str, punctuator: Punctuator) -> None:
        self._settings = punctuator.settings
        self._words = text.split()
        self._known: list[int] = []  # the words that have pieces
        self._starts: list[int] = []  # the first piece of each of these
        self.pieces: list[int] = []
        for number, word in enumerate(self._words):
            if pieces := punctuator.tokenizer.pieces(word):
                self._known.append(number)
                self._starts.append(len(self.pieces))
                self.pieces.extend(pieces)
        self._marks = np.ones((len(self._known), len(self._settings.marks)), np.float32)
        self._capitals = np.ones((len(self._known), len(self._settings.capitals)), np.float32)

    def windows(self) -> Iterable[Window]:
        """The windows that the network must be asked about."""
        return windows(self._starts, len(self.pieces), self._settings.windows)

    def hear(self, window: Window, answer: Answer) -> None:
        """Takes the network's answer to one of the windows."""
        words = slice(window.from_word, window.to_word)
        places = [start - window.first + 1 for start in self._starts[words]]  # [CLS] comes first
        self._marks[words] *= answer.marks[places]
        self._capitals[words] *= answer.capitals[places]

    def punctuated(self) -> str:
        """The words with their marks and capitals, one space between two."""
        settings = self._settings
        marks, capitals = self._marks.argmax(1).tolist(), self._capitals.argmax(1).tolist()
        words = self._words.copy()
        for number, mark, capital in zip(self._known, marks, capitals, strict=True):
            word = words[number].capitalize() if settings.capitals[capital] else words[number]
            words[number] = word + settings.marks[mark]
        return " ".join(words)


def probabilities(logits: Probabilities) -> Probabilities:
    """Softmax over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    normalized: Probabilities = shifted / shifted.sum(-1, keepdims=True)
    return normalized
