"""`ci.conformance.word_errors`: counting and aligning word errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.conformance.word_errors import align

WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=7)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "errors"),
    [("", "", 0), ("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b", "a x b", 1), ("a b", "x y", 2), ("a b", "", 2)],
)
def test_errors_are_substitutions_deletions_and_insertions(reference: str, hypothesis: str, errors: int) -> None:
    """The definition of the word error rate."""
    assert align(reference.split(), hypothesis.split())[0] == errors


@given(WORDS, WORDS)
def test_the_alignment_shows_both_texts_and_every_error(reference: list[str], hypothesis: list[str]) -> None:
    """Reading one side of the pairs gives that text back, and as many pairs differ as there are errors."""
    errors, pairs = align(reference, hypothesis)

    assert [said for said, _ in pairs if said] == reference
    assert [heard for _, heard in pairs if heard] == hypothesis
    assert sum(said != heard for said, heard in pairs) == errors


@given(WORDS, WORDS)
def test_the_distance_is_the_same_both_ways_and_bounded(reference: list[str], hypothesis: list[str]) -> None:
    """Properties of any edit distance."""
    errors, _ = align(reference, hypothesis)

    assert errors == align(hypothesis, reference)[0]
    assert abs(len(reference) - len(hypothesis)) <= errors <= max(len(reference), len(hypothesis))
