"""Greedy decoding gives the same words whatever the chunks."""

from itertools import pairwise

import pytest

from pipelines.speech_recognition.decoding import GreedyDecoder, Vocabulary

CHARACTERS = [" ", "a", "b", "c"]
PIECES = ["<unk>", "▁", "▁go", "o", "▁stop", "s"]


def decode(labels, spelled, *, cuts=(), step_ms=40):
    """Decodes labels written as their text, `_` for blank, cut into chunks at `cuts`."""
    vocabulary = Vocabulary(spelled)
    numbers = [vocabulary.blank if label == "_" else spelled.index(label) for label in labels]
    decoder = GreedyDecoder(vocabulary, step_ms=step_ms)
    borders = [0, *cuts, len(numbers)]
    for first, last in pairwise(borders):
        part = numbers[first:last]
        decoder.decode(part, [0.5] * len(part), first_step=first)
    return decoder


def texts(decoder):
    return [word.text for word in decoder.words(limit_ms=1e9)]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("_ab_c", ["abc"]),
        ("aab_b", ["abb"]),
        ("ab c", ["ab", "c"]),
        (" ab  _ c ", ["ab", "c"]),
        ("___", []),
        ("", []),
    ],
)
def test_characters_become_words(labels, words):
    """Repeats collapse, a blank separates equal letters, spaces separate words and are never doubled."""
    assert texts(decode(labels, CHARACTERS)) == words


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["▁go", "_", "▁stop", "s"], ["go", "stops"]),
        (["▁go", "▁go", "o", "_", "o"], ["gooo"]),
        (["o", "▁", "s", "▁", "▁go"], ["o", "s", "go"]),
        (["▁go", "<unk>"], ["go⁇"]),
    ],
)
def test_pieces_become_words(labels, words):
    """A piece with the mark starts a word, also the mark alone; an unknown piece shows as SentencePiece does."""
    assert texts(decode(labels, PIECES)) == words


def test_chunks_do_not_change_words_or_times():
    """Every way to cut the steps into two or three chunks gives the same words with the same times."""
    labels = "_aab_b  ca__a a"
    whole = decode(labels, CHARACTERS).words(limit_ms=1e9)

    for first in range(len(labels) + 1):
        for second in range(first, len(labels) + 1):
            assert decode(labels, CHARACTERS, cuts=(first, second)).words(limit_ms=1e9) == whole


def test_times_and_confidence_of_a_word():
    """A word lasts from its first token's first step to its last token's last step, and never past the audio."""
    decoder = decode("__aa_b__ cc", CHARACTERS)

    first, second = decoder.words(limit_ms=430)
    assert (first.text, first.start_ms, first.end_ms, first.confidence) == ("ab", 80, 240, 0.5)
    assert (second.text, second.start_ms, second.end_ms) == ("c", 360, 430)


def test_a_token_across_a_reset_is_not_said_twice():
    """A run of labels that began before a final result belongs to it, not to the next text."""
    decoder = decode("_a", CHARACTERS)
    decoder.reset()
    decoder.decode([1, 4, 2], [1.0, 1.0, 1.0], first_step=2)

    assert texts(decoder) == ["b"]
