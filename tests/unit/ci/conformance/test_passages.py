"""`ci.conformance.passages`: texts as clients send them."""

import pytest

from ci.conformance.evaluation import Passage
from ci.conformance.passages import TextSpec, literal, make_passages

PASSAGES = (Passage("text 1", "a b", "A b.", "A b."), Passage("text 2", "c", "C?"))
FORMS = {
    "plain": ["a b", "c"],
    "punctuated": ["A b.", "C?"],
    "upper-case": ["A B", "C"],
    "joined": ["ab", "c"],
    "spread": ["\ta \n b  ", "\tc  "],
}


@pytest.mark.parametrize(("form", "texts"), FORMS.items(), ids=FORMS)
def test_forms(form: str, texts: list[str]) -> None:
    """What was recorded holds for the plain form only; name and expectation stay."""
    made = make_passages(TextSpec(form=form), PASSAGES)

    assert [passage.text for passage in made] == texts
    assert [passage.recorded for passage in made] == (["A b.", None] if form == "plain" else [None, None])
    assert [(passage.name, passage.punctuated) for passage in made] == [("text 1", "A b."), ("text 2", "C?")]


def test_passages_fill_so_many_bytes() -> None:
    """One after the other and from the beginning again, with what should come back."""
    (filled,) = make_passages(TextSpec(fill=10), PASSAGES)

    assert filled == Passage("11 bytes", "a b c a b c", "A b. C? A b. C?")
    with pytest.raises(ValueError, match="no passage"):
        make_passages(TextSpec(fill=10), ())


def test_texts_of_a_case_are_named_by_themselves() -> None:
    """So that equal ones must have equal answers."""
    assert [passage.name for passage in literal(["a", "", "a"])] == ["'a'", "''", "'a'"]
