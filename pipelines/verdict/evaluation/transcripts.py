"""What is said in an evaluation set: in letters that the model can write, and in the right language."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.archive.values import section, texts
from pipelines.words import words_of

__all__ = ["letters_of", "same_language", "unwritable"]

_SPECIAL = re.compile(r"<.*>|\[.*\]")  # <unk>, [CLS]
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")  # a tokenizer that falls back to bytes writes everything
_MARKS = "\u2581#"  # of SentencePiece at the start of a word, of WordPiece inside one


def letters_of(config: Mapping[str, Any]) -> frozenset[str] | None:
    """The letters that a speech recognition model can write, without case; None where it writes any, or does not say.

    Args:
        config: Its configuration, with the tokens of a character model or of a tokenizer.
    """
    tokens = (
        texts(section(config, "decoder"), "vocabulary")
        or texts(section(config, "joint"), "vocabulary")
        or texts(config, "labels")
    )
    if not tokens or any(_BYTE.fullmatch(token) for token in tokens):
        return None
    written = (token.strip(_MARKS) for token in tokens if not _SPECIAL.fullmatch(token))
    return frozenset(letter for token in written for letter in token.casefold() if not letter.isspace())


def unwritable(text: str, letters: Iterable[str]) -> str:
    """The letters of a text that are not among those given, each once and in order."""
    return "".join(sorted(set("".join(words_of(text))) - set(letters)))


def same_language(tag: str, declared: str) -> bool:
    """Whether a language tag is the declared one, or the same with fewer parts: `en` for `en-US`, not `en-GB`."""
    short, long = sorted((tag.casefold().split("-"), declared.casefold().split("-")), key=len)
    return long[: len(short)] == short
