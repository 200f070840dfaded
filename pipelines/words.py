"""Words as transcripts are compared by them, before a judgement and in it."""

import re

__all__ = ["words_of"]

_NOT_A_WORD = re.compile(r"[^\w\s']|_")


def words_of(text: str) -> list[str]:
    """Words without case and punctuation, so that a server that punctuates is not punished for it."""
    return _NOT_A_WORD.sub(" ", text.casefold()).split()
