"""Invented words are the same every time, and nobody's."""

from scripts.samples import grammar
from scripts.samples.punctuation.invented import invented_words


def test_words_are_different_and_not_taken() -> None:
    first = invented_words(200, grammar.seeded(1), ())

    again = invented_words(200, grammar.seeded(1), first[:50])

    assert first == invented_words(200, grammar.seeded(1), ())
    assert len(set(again)) == 200
    assert set(again).isdisjoint(first[:50])
    assert all(word.isalpha() and word.islower() and len(word) > 2 for word in again)
