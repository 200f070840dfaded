"""Compressed files are unpacked once, in bounded time and space."""

import gzip
import io
import zlib
from pathlib import Path

import pytest

from pipelines.archive import inflated
from pipelines.archive.inflated import Bomb, Hidden, inflate


def unpacked(content: bytes) -> bytes:
    with inflate(io.BytesIO(content), len(content)) as file:
        file.seek(0)
        return file.read()


def test_what_was_packed_comes_out() -> None:
    """Content larger than a block survives, and zeros after it, as tapes have them, are no content."""
    content = bytes(range(256)) * 10_000

    assert unpacked(gzip.compress(content) + bytes(1000)) == content


def test_bombs_stop_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that expands beyond any checkpoint is left long before its end."""
    monkeypatch.setattr(inflated, "_FREE", 4 << 20)
    bomb = gzip.compress(bytes(64 << 20))

    with pytest.raises(Bomb, match=f"{len(bomb)} bytes expand to more than"):
        inflate(io.BytesIO(bomb), len(bomb))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (gzip.compress(b"model" * 1000)[:-20], EOFError),
        (gzip.compress(b"model")[:-6] + b"xxxxxx", zlib.error),
        (gzip.compress(b"model") + b"PK\3\4", Hidden),
        (gzip.compress(b"model") + gzip.compress(b"another"), Hidden),
    ],
    ids=["cut", "checksum", "appended", "second_member"],
)
def test_damage_and_appended_data_are_told_apart(content: bytes, error: type[Exception]) -> None:
    """A cut file, a wrong checksum, and data hidden after the end are not unpacked."""
    with pytest.raises(error):
        inflate(io.BytesIO(content), len(content))


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unpacked copy has no name: not even a killed process leaves it behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = gzip.compress(b"model")

    with inflate(io.BytesIO(content), len(content)):
        assert list(tmp_path.iterdir()) == []
