"""Words that nobody knows, so that a model learns what stands around a word instead of the words."""

import random
from collections.abc import Collection

__all__ = ["invented_words"]

_ONSETS = [
    "", "", "", "b", "br", "c", "ch", "cl", "d", "dr", "f", "fl", "fr", "g", "gr", "h", "j", "k", "l", "m", "n", "p",
    "ph", "pl", "pr", "r", "s", "sch", "sh", "st", "t", "th", "tr", "v", "w", "y", "z",
]  # fmt: skip
_VOWELS = ["a", "a", "e", "e", "i", "o", "u", "ia", "ea", "ou", "ai", "oo", "y"]
_CODAS = ["", "", "", "", "", "", "n", "r", "l", "s", "m", "ck", "rd", "nd", "t", "ll", "rt", "x", "p", "gue"]
_SHORTEST = 3  # letters


def invented_words(count: int, rng: random.Random, taken: Collection[str]) -> list[str]:
    """So many different words in lower case, none of which is ``taken``."""
    words: set[str] = set()
    while len(words) < count:
        syllables = rng.choice((2, 2, 3))
        word = "".join(rng.choice(part) for _ in range(syllables) for part in (_ONSETS, _VOWELS, _CODAS))
        if word not in taken and len(word) >= _SHORTEST:
            words.add(word)
    return sorted(words)
