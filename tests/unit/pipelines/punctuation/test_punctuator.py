"""Texts get the marks and capitals that a network decides, as NeMo puts them."""

from collections.abc import Callable

import numpy as np
import pytest

from pipelines.punctuation.punctuator import Answer, Punctuator, PunctuatorSettings, Text, probabilities
from pipelines.punctuation.windows import WindowSettings
from tests.marks.archive import VOCABULARY

SETTINGS = PunctuatorSettings(
    marks=("", ",", "."),
    capitals=(False, True),
    lower_case=True,
    windows=WindowSettings(max_seq_length=10, step=2, margin=2),
)
PUNCTUATOR = Punctuator(SETTINGS, VOCABULARY)
Network = Callable[[np.ndarray], Answer]


def certain(marks: dict[str, int], capitals: set[str]) -> Network:
    """A network that is sure of what it says about some pieces."""

    def network(pieces: np.ndarray) -> Answer:
        names = [VOCABULARY[piece] for piece in pieces]
        return Answer(
            np.eye(3, dtype=np.float32)[[marks.get(name, 0) for name in names]],
            np.eye(2, dtype=np.float32)[[int(name in capitals) for name in names]],
        )

    return network


def punctuated(text: str, network: Network) -> str:
    read = Text(text, PUNCTUATOR)
    for window in read.windows():
        numbers, mask, types = PUNCTUATOR.inputs([(read, window)])
        assert mask.all()
        assert not types.any()
        read.hear(window, network(numbers[0]))
    return read.punctuated()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello stop", "Hello stop."),
        ("  hello \t stop\n", "Hello stop."),
        ("", ""),
        (" \n ", ""),
        ("stop", "stop."),
        ("stop.", "stop.."),
        ("hELLO", "Hello"),
        ("hello \u200b stop", "Hello \u200b stop."),
        ("\u200b", "\u200b"),
        ("日本 stop", "日本 stop."),
        ("stop " * 50, ("stop. " * 50).strip()),
    ],
)
def test_words_get_marks_and_capitals(text: str, expected: str) -> None:
    """White space becomes one space; the rest of a capitalised word is lower-cased; marks are appended as they are."""
    assert punctuated(text, certain({"stop": 2}, {"hello"})) == expected


def test_overlapping_windows_are_multiplied() -> None:
    """One window that is nearly sure outweighs others that are not: the product decides, not the majority."""

    def network(pieces: np.ndarray) -> Answer:
        first = VOCABULARY[pieces[1]] == "pause"
        marks = np.tile(np.float32([0.001, 0.009, 0.99] if first else [0.3, 0.4, 0.3]), (len(pieces), 1))
        return Answer(marks, np.tile(np.float32([1, 0]), (len(pieces), 1)))

    words = punctuated("pause " + "a " * 8, network).split()

    assert words[3] == "a."  # in the first window only
    assert words[4:6] == ["a.", "a."]  # in both
    assert words[6] == "a,"  # in the second one only


def test_a_batch_is_padded_at_the_end() -> None:
    """Shorter windows are filled up with [PAD], which the mask hides."""
    texts = [Text("hello paris stop", PUNCTUATOR), Text("ask", PUNCTUATOR)]
    numbers, mask, _ = PUNCTUATOR.inputs([(text, window) for text in texts for window in text.windows()])

    assert [[VOCABULARY[number] for number in row] for row in numbers] == [
        ["[CLS]", "hello", "paris", "stop", "[SEP]"],
        ["[CLS]", "ask", "[SEP]", "[PAD]", "[PAD]"],
    ]
    assert mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]


def test_probabilities_are_a_softmax() -> None:
    """Also of logits that are too large for an exponential."""
    found = probabilities(np.float32([[1000, 1000, -1000], [0, np.log(3), -np.inf]]))

    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.25, 0.75, 0]], atol=1e-6)


def test_settings_survive_as_json() -> None:
    """riva-deploy writes what the model in Triton reads."""
    assert PunctuatorSettings.from_json(SETTINGS.to_json()) == SETTINGS
