"""What training sees: texts without end, and the word pieces that they are cut into."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.samples.punctuation import phrasebook
from scripts.samples.punctuation.evaluation_set import held_out_sentences

PUNCTUATION = ("O", *phrasebook.MARKS)
CAPITALS = ("O", "U")
"""Labels by id, in NeMo's letters: O for nothing, U for a capital at the start of the word."""

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789'-"
_COUNTED = 30_000  # sentences that the vocabulary is counted in
_OFTEN = 20  # a word counted so many times is a piece; others, the invented names above all, are put together
_PARTS = 160  # starts and continuations of the others, each

_MOST_SENTENCES = 6  # a text


@dataclass(frozen=True)
class Word:
    """A spoken word and its labels."""

    spoken: str
    mark: int
    capital: int


def sentences(rng: random.Random) -> Iterator[str]:
    """Training sentences without end; none that evaluation holds."""
    held_out = held_out_sentences()
    while True:
        written = phrasebook.sentence(rng, phrasebook.TRAINING)
        if phrasebook.spoken(written) not in held_out:
            yield written


def labelled(written: str) -> list[Word]:
    """The words of a text as NeMo labels them."""
    return [
        Word(
            spoken=phrasebook.spoken(word),
            mark=PUNCTUATION.index(word[-1]) if word[-1] in phrasebook.MARKS else 0,
            capital=int(word[0].isupper()),
        )
        for word in written.split()
    ]


def texts(rng: random.Random) -> Iterator[list[Word]]:
    """Training texts without end: a few sentences each.

    They begin where a sentence begins. Windows of long texts do not, but what the network says near their inner borders
    does not count.
    """
    source = sentences(rng)
    while True:
        yield labelled(" ".join(itertools.islice(source, rng.randint(1, _MOST_SENTENCES))))


def vocabulary(rng: random.Random) -> list[str]:
    """Word pieces in the order of their ids: special ones, single characters, frequent words, parts of others."""
    counted = Counter(
        word.spoken for written in itertools.islice(sentences(rng), _COUNTED) for word in labelled(written)
    )
    whole = sorted(word for word, count in counted.items() if count >= _OFTEN)
    starts, continuations = Counter[str](), Counter[str]()
    for word, count in counted.items():
        if count >= _OFTEN:
            continue
        for length in (2, 3):
            starts[word[:length]] += count
            for start in range(1, len(word) - length + 1):
                continuations[f"##{word[start : start + length]}"] += count
    pieces = (
        *SPECIAL,
        *_CHARACTERS,
        *(f"##{character}" for character in _CHARACTERS),
        *whole,
        *_most_frequent(starts),
        *_most_frequent(continuations),
    )
    return list(dict.fromkeys(pieces))


def _most_frequent(counted: Counter[str]) -> list[str]:
    """Ties go by the alphabet."""
    return sorted(counted, key=lambda piece: (-counted[piece], piece))[:_PARTS]
