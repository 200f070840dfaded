"""Words as transcripts are compared by them, before a judgement and in it."""

import unicodedata

__all__ = ["words_of"]


def words_of(text: str) -> list[str]:
    """Words without case and punctuation, so that a server that punctuates is not punished for it.

    Letters, the marks on them (which many scripts write vowels with), digits and apostrophes make words; joiners, which
    are not seen, do not end them.
    """
    return "".join(map(_in_words, text.casefold())).split()


def _in_words(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] in "LMN" or character == "'":
        return character
    return "" if category == "Cf" else " "
