"""Files of 2 GiB and more travel in parts, and the documented command joins them."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from ci.release.splitting import ASSET_LIMIT, join, part_names, split


@pytest.mark.parametrize(
    ("size", "parts"),
    [(0, 1), (1, 1), (ASSET_LIMIT - 1, 1), (ASSET_LIMIT, 2), (2 * (ASSET_LIMIT - 1), 2), (5 * ASSET_LIMIT, 6)],
)
def test_an_asset_is_smaller_than_the_limit(size: int, parts: int) -> None:
    """Two GiB to the byte is too much for GitHub."""
    assert len(part_names("a.rmir", size)) == parts


def test_parts_keep_their_order() -> None:
    """A shell's `*` puts them in order."""
    names = part_names("a.rmir", 2000, limit=2)

    assert names == sorted(names)


@pytest.mark.parametrize("size", [1000, 1998, 2997, 3000])
def test_parts_join_to_the_same_bytes(tmp_path: Path, size: int) -> None:
    """By `join`, and by the command of the documentation."""
    whole = tmp_path / "a.rmir"
    whole.write_bytes(bytes(number % 251 for number in range(size)))
    parts = [tmp_path / name for name in part_names("a.rmir", size, limit=1000)]
    digests = split(whole, parts, limit=1000)

    assert digests == [hashlib.sha256(part.read_bytes()).hexdigest() for part in parts]
    assert all(part.stat().st_size < 1000 for part in parts)
    join(parts, tmp_path / "joined")
    by_hand = subprocess.run("cat a.rmir.part-*", shell=True, cwd=tmp_path, capture_output=True, check=True).stdout
    assert (tmp_path / "joined").read_bytes() == by_hand == whole.read_bytes()
