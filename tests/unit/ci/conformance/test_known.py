"""`ci.conformance.known`: the list of known failures cannot rot."""

from pathlib import Path

import pytest

from ci.conformance.known import KnownFailures
from ci.errors import BadKnownFailing

LIST = """\
# The decoder has no n-best list,
# see https://example.org/issues/7
room/recognition/alternatives/**
room/recognition/one-alternative

# Another reason
room/errors/*
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "known.txt"
    path.write_text(LIST)
    return path


def test_a_reason_covers_the_patterns_below_it(path: Path) -> None:
    """Comment lines right above are the reason; an empty line ends it."""
    known = KnownFailures.read(path)

    long = "The decoder has no n-best list, see https://example.org/issues/7"
    assert known.reason("room/recognition/alternatives/offline") == long
    assert known.reason("room/recognition/one-alternative") == long
    assert known.reason("room/errors/x") == "Another reason"
    assert known.reason("room/health/x") is None


@pytest.mark.parametrize("text", ["room/a\n", "# why\n\nroom/a\n", "#\nroom/a\n"])
def test_a_pattern_without_a_reason_is_refused(tmp_path: Path, text: str) -> None:
    """A list without reasons is a rug to sweep things under."""
    path = tmp_path / "known.txt"
    path.write_text(text)

    with pytest.raises(BadKnownFailing, match="without a reason"):
        KnownFailures.read(path)


def test_a_pattern_that_matches_nothing_is_refused(path: Path) -> None:
    """With its line, so that it can be deleted."""
    known = KnownFailures.read(path)

    with pytest.raises(BadKnownFailing, match=r"known\.txt:7: room/errors/\*: the pattern matches no case"):
        known.check(["room/recognition/alternatives", "room/recognition/one-alternative"])


def test_a_missing_list_is_told(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(BadKnownFailing, match="No such file"):
        KnownFailures.read(tmp_path / "none.txt")
