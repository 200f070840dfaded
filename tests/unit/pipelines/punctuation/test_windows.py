"""Long texts are cut as NeMo cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.punctuation.windows import Window, WindowSettings, windows

SMALL = WindowSettings(max_seq_length=10, step=2, margin=2)  # windows of eight pieces


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (0, []),
        (1, [(0, 1, 0, 1)]),
        (8, [(0, 8, 0, 8)]),
        (9, [(0, 8, 0, 6), (2, 9, 4, 9)]),
        (10, [(0, 8, 0, 6), (2, 10, 4, 10)]),
        (11, [(0, 8, 0, 6), (2, 10, 4, 8), (4, 11, 6, 11)]),
    ],
)
def test_windows_of_words_with_one_piece_each(pieces: int, expected: list[tuple[int, int, int, int]]) -> None:
    """The text's own ends have no margin; inner borders have one on either side."""
    assert list(windows(range(pieces), pieces, SMALL)) == [Window(*window) for window in expected]


def test_a_word_belongs_to_the_windows_of_its_first_piece() -> None:
    """Five pieces of the second word are context only."""
    assert list(windows([0, 3, 9], 11, SMALL)) == [Window(0, 8, 0, 2), Window(4, 11, 2, 3)]


def test_windows_that_decide_nothing_are_not_asked() -> None:
    """A word of a million pieces is looked at once."""
    assert list(windows([0], 10**6, WindowSettings())) == [Window(0, 62, 0, 1)]


@given(
    length=st.integers(1, 40),
    step=st.integers(1, 60),
    margin=st.integers(0, 20),
    sizes=st.lists(st.integers(1, 5), max_size=80),
)
def test_every_word_is_decided(length: int, step: int, margin: int, sizes: list[int]) -> None:
    """Whatever the sizes: windows are in order, within the text and their length, and together reach every word."""
    settings = WindowSettings(max_seq_length=length + 2, step=step, margin=min(margin, max(0, length // 2 - 1)))
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    found = list(windows(starts, sum(sizes), settings))

    assert sorted({word for w in found for word in range(w.from_word, w.to_word)}) == list(range(len(sizes)))
    assert all(0 <= w.first <= starts[w.from_word] and w.last - w.first <= length for w in found)
    assert all(starts[w.to_word - 1] < w.last <= sum(sizes) for w in found)
    assert found == sorted(found)
