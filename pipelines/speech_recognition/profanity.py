"""Masks words that a caller does not want to read: `word` becomes `w***`."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.server.models import Model

__all__ = ["ProfanityFilter"]

_DEFAULT_LIST = Path(__file__).with_name("profane_words.txt")
_WORD = re.compile(r"[\w'\u2019]+")


@dataclass(frozen=True)
class ProfanityFilter:
    """A list of words, in lower case."""

    words: frozenset[str]

    @classmethod
    def of(cls, model: Model) -> "ProfanityFilter":
        """The list that the pipeline was built with (`--profane_words_file`), else a short English one."""
        own = model.parameters.get("profane_words")
        return cls(_parse(own) if own is not None else _default_words())

    def mask(self, text: str) -> str:
        """The text with every listed word reduced to its first letter and asterisks."""
        return _WORD.sub(self._masked, text)

    def _masked(self, match: re.Match[str]) -> str:
        word = match.group()
        return word[0] + "*" * (len(word) - 1) if word.lower() in self.words else word


def _parse(text: str) -> frozenset[str]:
    """One word a line, or separated by commas; `#` starts a comment."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    return frozenset(word.strip().lower() for line in lines for word in line.split(",") if word.strip())


@functools.cache
def _default_words() -> frozenset[str]:
    return _parse(_DEFAULT_LIST.read_text("utf-8"))
