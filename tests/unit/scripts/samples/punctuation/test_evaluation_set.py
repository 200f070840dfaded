"""The punctuation sample's evaluation texts are right, always the same, and were never seen in training."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from scripts.samples import grammar
from scripts.samples.punctuation import data, evaluation_set, phrasebook

MANIFEST = Path(__file__).parents[5] / "checkpoints/punctuation-en-US/evaluation/manifest.json"
DRAWN = 20_000  # sentences; training draws more than ten times as many
ENOUGH = 3


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    return list(itertools.islice(data.sentences(grammar.seeded(1)), DRAWN))


def test_the_committed_texts_are_those_that_the_script_makes() -> None:
    lines = [json.loads(line) for line in MANIFEST.read_text(encoding="utf-8").splitlines()]

    assert [(line["text"], line["punctuated"], line["held_out"]) for line in lines] == [
        (text.text, text.punctuated, text.held_out) for text in evaluation_set.texts()
    ]
    assert len(lines) >= 100
    assert sum(len(line["text"].split()) > 100 for line in lines) >= 20


def test_no_sentence_of_evaluation_is_in_training(drawn: list[str]) -> None:
    """Nor one of the commands that the speech recognition sample is judged by."""
    assert {phrasebook.spoken(written) for written in drawn} & evaluation_set.held_out_sentences() == set()
    # What is left out would else be drawn: of the same sentences with nothing held out, some are.
    rng = grammar.seeded(1)
    anyhow = {phrasebook.spoken(phrasebook.sentence(rng, phrasebook.TRAINING)) for _ in range(DRAWN)}
    assert len(anyhow & evaluation_set.held_out_sentences()) > 10


def test_held_out_names_are_not_in_training(drawn: list[str]) -> None:
    names = {word.lower() for words in phrasebook.HELD_OUT_WORDS.values() for word in words}
    said = {word for written in drawn for word in phrasebook.spoken(written).split()}

    assert names & said == set()
    assert sum(len(names & set(text.text.split())) > 0 for text in evaluation_set.texts()) >= 30


def test_held_out_templates_are_not_in_training() -> None:
    assert set(phrasebook.HELD_OUT_SENTENCES) & set(phrasebook.SENTENCES) == set()


def test_training_hears_every_word_that_it_may(drawn: list[str]) -> None:
    """Holding out sentences must not hold out a word of the training templates, or a name that is not held out."""
    heard = Counter(word for written in drawn for word in set(phrasebook.spoken(written).split()))
    rng = grammar.seeded(2)
    rules = {**phrasebook.SHARED, **phrasebook.WORDS, "sentence": phrasebook.SENTENCES}
    words = {word for _ in range(DRAWN) for word in phrasebook.spoken(phrasebook.sentence(rng, rules)).split()}

    assert len(words) > 300
    assert {word: heard[word] for word in words if heard[word] < ENOUGH} == {}


def test_spoken_texts_have_no_marks_and_no_capitals() -> None:
    for text in evaluation_set.texts():
        assert text.text == phrasebook.spoken(text.punctuated)
        assert text.text.islower()
        assert set(text.text).isdisjoint(phrasebook.MARKS)
        assert len(text.text.split()) == len(text.punctuated.split())
        assert text.punctuated[-1] in ".?"


def test_labels_say_what_is_written() -> None:
    words = data.labelled("Anna, are you in New York?")

    assert [word.spoken for word in words] == ["anna", "are", "you", "in", "new", "york"]
    assert [data.PUNCTUATION[word.mark] for word in words] == [",", "O", "O", "O", "O", "?"]
    assert [data.CAPITALS[word.capital] for word in words] == ["U", "O", "O", "O", "U", "U"]


def test_the_vocabulary_is_the_same_every_time() -> None:
    """Small, with the special pieces first, each piece once, and every letter, so that any word can be written."""
    pieces = data.vocabulary(grammar.seeded("vocabulary"))

    assert pieces == data.vocabulary(grammar.seeded("vocabulary"))
    assert pieces[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(pieces) == len(set(pieces)) < 1000
    assert {"a", "##a", "z", "##z", "'"} <= set(pieces)
