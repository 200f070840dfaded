"""BERT's tokenizer: a word becomes the numbers of its word pieces, as in `transformers.BertTokenizer`.

A word is cleaned, split at punctuation and around Chinese characters, and each part is cut into the longest pieces that
the vocabulary has, from left to right (WordPiece; Wu et al. 2016, as used by Devlin et al. 2018). Own code and not the
`tokenizers` package because that brings the model hub's client with it, and because punctuation models tokenise word by
word: most words come from the cache here, which no call into another language beats.

This module is copied into the model repository: it needs nothing but Python.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["SPECIAL_PIECES", "WordPieceTokenizer"]

PAD, UNKNOWN, CLASSIFY, SEPARATE, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_PIECES = (PAD, UNKNOWN, CLASSIFY, SEPARATE)  # those that a text is framed and padded with
CONTINUATION = "##"  # begins the pieces that are not a word's first
LONGEST_PART = 100  # characters; a longer part is unknown as a whole
CACHED_WORDS = 1 << 16
LONGEST_CACHED = 64  # characters, so that the cache stays small whatever clients send

_SPECIAL = re.compile("(" + "|".join(map(re.escape, (*SPECIAL_PIECES, MASK))) + ")")
# Characters that are words of their own: CJK ideographs, not the scripts of Korean or Japanese syllables.
_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


class WordPieceTokenizer:
    """Cuts words into pieces.

    Args:
        vocabulary: The pieces in the order of their numbers, `SPECIAL_PIECES` among them.
        lower_case: Whether letters are lower-cased and lose their accents first, as for uncased models.
    """

    def __init__(self, vocabulary: Iterable[str], *, lower_case: bool) -> None:
        self._numbers = {piece: number for number, piece in enumerate(vocabulary)}
        self._lower_case = lower_case
        self._longest = max(map(len, self._numbers))
        self._cached = functools.lru_cache(CACHED_WORDS)(self._pieces)
        self.pad, self._unknown, self.classify, self.separate = (self._numbers[piece] for piece in SPECIAL_PIECES)

    def pieces(self, word: str) -> tuple[int, ...]:
        """The numbers of a word's pieces; none where all of its characters are invisible."""
        return self._cached(word) if len(word) <= LONGEST_CACHED else self._pieces(word)

    def _pieces(self, word: str) -> tuple[int, ...]:
        found: list[int] = []
        for part in _SPECIAL.split(word):
            if _SPECIAL.fullmatch(part):  # "[SEP]" in a text is that piece, as in transformers
                found.append(self._numbers.get(part, self._unknown))
            else:
                for simple in self._simple_parts(part):
                    found.extend(self._longest_first(simple))
        return tuple(found)

    def _simple_parts(self, text: str) -> Iterator[str]:
        """Splits text at invisible borders: each punctuation mark and each ideograph stands alone."""
        if self._lower_case:
            # A character at a time, so that a sigma at the end of a word is the sigma that the vocabulary has.
            text = "".join(character.lower() for character in text)
        text = "".join(map(_cleaned, text))
        for part in unicodedata.normalize("NFC", text).split():
            if self._lower_case:
                part = "".join(c for c in unicodedata.normalize("NFD", part) if unicodedata.category(c) != "Mn")
            yield from _split_at_punctuation(part)

    def _longest_first(self, part: str) -> list[int]:
        if len(part) > LONGEST_PART:
            return [self._unknown]
        found, first, prefix = [], 0, ""
        while first < len(part):
            for last in range(min(len(part), first + self._longest), first, -1):
                number = self._numbers.get(prefix + part[first:last])
                if number is not None:
                    break
            else:
                return [self._unknown]
            found.append(number)
            first, prefix = last, CONTINUATION
        return found


@functools.lru_cache(CACHED_WORDS)
def _cleaned(character: str) -> str:
    """What is left of a character: nothing of control characters, and space around an ideograph."""
    if character == "\ufffd" or unicodedata.category(character).startswith("C"):
        return ""
    if any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
        return f" {character} "
    return character


def _split_at_punctuation(part: str) -> Iterator[str]:
    begin = 0
    for place, character in enumerate(part):
        if _is_punctuation(character):
            if begin < place:
                yield part[begin:place]
            yield character
            begin = place + 1
    if begin < len(part):
        yield part[begin:]


@functools.lru_cache(CACHED_WORDS)
def _is_punctuation(character: str) -> bool:
    """All of ASCII that is neither letter, digit nor space counts, `$` and `^` too, and Unicode's own P classes."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
