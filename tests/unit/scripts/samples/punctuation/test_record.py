"""How the punctuation sample's words are counted."""

import pytest

from scripts.samples.punctuation.record import right_words


@pytest.mark.parametrize(
    ("found", "marks", "capitals"),
    [
        ("Anna, are you here? Yes.", 5, 5),
        ("anna, are you Here? Yes.", 5, 3),
        ("Anna are you, here. Yes.", 2, 5),
        ("Anna,, are you here? Yes", 4, 5),
    ],
    ids=["right", "capitals", "marks", "last mark counts"],
)
def test_marks_and_capitals_are_counted_apart(found: str, marks: int, capitals: int) -> None:
    """A word has the right mark or no mark after it, and the right letters before it."""
    assert right_words("Anna, are you here? Yes.", found) == (5, marks, capitals)


def test_a_lost_word_is_no_answer() -> None:
    with pytest.raises(ValueError, match="zip"):
        right_words("Anna, are you here?", "Anna, are you")
