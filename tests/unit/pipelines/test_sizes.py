"""Sizes are read and said as people do."""

import pytest

from pipelines.errors import UsageError
from pipelines.sizes import in_words, read_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("16GB", 16 * 10**9), ("15.5 GiB", int(15.5 * 2**30)), ("800m", 800 * 10**6), ("1024", 1024), ("2TiB", 2**41)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    """Sizes may be spelled in powers of ten and of two."""
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1GB", "16 gigabytes", "1e9"])
def test_other_words_are_no_sizes(text: str) -> None:
    """What is not a size is a mistake on the command line."""
    with pytest.raises(UsageError, match="is not a size"):
        read_size(text)


def test_sizes_are_said_in_words() -> None:
    """The unit grows with the size."""
    assert [in_words(size) for size in (999, 1500, 2_000_000, 3 * 10**12)] == ["999 B", "1.5 kB", "2.0 MB", "3000.0 GB"]
