"""Letters that the model can write, and languages that are the same."""

import pytest

from pipelines.verdict.evaluation.transcripts import letters_of, same_language, unwritable

CHARACTERS = {"decoder": {"vocabulary": [" ", "a", "b", "'"]}}
PIECES = {"decoder": {"vocabulary": ["<unk>", "\u2581ab", "b\u2581", "##a"]}}


@pytest.mark.parametrize(
    ("config", "text", "odd"),
    [
        (CHARACTERS, "ab ba", ""),
        (CHARACTERS, "Ab, ba!", ""),
        (CHARACTERS, "ab c5", "5c"),
        (PIECES, "ab", ""),
        (PIECES, "abk", "k"),
        ({"joint": {"vocabulary": ["ä"]}}, "Ä", ""),
        ({"labels": ["a"]}, "b", "b"),
    ],
)
def test_letters(config: dict[str, object], text: str, odd: str) -> None:
    """Case and punctuation do not count, as they do not in the judgement; special tokens are not letters."""
    letters = letters_of(config)

    assert letters is not None
    assert unwritable(text, letters) == odd


@pytest.mark.parametrize("config", [{}, {"decoder": {"vocabulary": ["<0x41>", "a"]}}, {"decoder": 5}])
def test_a_model_that_writes_anything_is_not_limited(config: dict[str, object]) -> None:
    """Bytes write every letter; a configuration without tokens says nothing about them."""
    assert letters_of(config) is None


@pytest.mark.parametrize(
    ("tag", "declared", "same"),
    [
        ("en-US", "en-US", True),
        ("en", "en-US", True),
        ("EN-us", "en-US", True),
        ("en-GB", "en-US", False),
        ("de", "en-US", False),
    ],
)
def test_languages(tag: str, declared: str, same: bool) -> None:
    """A tag may leave the region out, and may not name another."""
    assert same_language(tag, declared) is same
