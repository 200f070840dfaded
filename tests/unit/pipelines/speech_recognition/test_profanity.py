"""Listed words keep their first letter and nothing else."""

import pytest

from pipelines.server.models import Model
from pipelines.speech_recognition.profanity import ProfanityFilter


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("what a damn day", "what a d*** day"),
        ("Damn, damnation", "D***, damnation"),
        ("class assessment", "class assessment"),
        ("", ""),
    ],
)
def test_default_list(text: str, masked: str) -> None:
    """Whole words only, whatever their case."""
    assert ProfanityFilter.of(Model("any", {})).mask(text) == masked


@pytest.mark.parametrize("words", ["Mist\nverflixt\n", "mist, verflixt", "# ours\nmist\nverflixt # both"])
def test_a_pipelines_own_list_replaces_the_default(words: str) -> None:
    """--profane_words_file decides alone, letters beyond ASCII and all."""
    own = ProfanityFilter.of(Model("any", {"profane_words": words}))

    assert own.mask("so ein mist verflixt damn") == "so ein m*** v******* damn"


def test_an_empty_list_masks_nothing() -> None:
    """A pipeline can switch the default off."""
    assert ProfanityFilter.of(Model("any", {"profane_words": ""})).mask("damn") == "damn"
