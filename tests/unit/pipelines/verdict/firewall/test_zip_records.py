"""A zip is accepted only if every reader sees the same in it."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.verdict.firewall.refusal import Refusal
from pipelines.verdict.firewall.zip_records import read_zip
from tests.torch_archives import FOLDER, Tensor, torch_archive

ROOT = Path(__file__).parents[5]
SAMPLE = ROOT / "tests/assets/asr-en-US-conformer/model.nemo"
GOOD = torch_archive({"a": Tensor((2, 3)), "b": Tensor((4,))})


def read(content: bytes) -> dict[str, bytes]:
    records = read_zip(io.BytesIO(content), len(content), member="weights")
    return {name: content[record.offset : record.offset + record.size] for name, record in records.items()}


def changed(content: bytes, signature: bytes, place: int, value: bytes) -> bytes:
    """The content with a field of the last header of a kind replaced."""
    start = content.rindex(signature) + place
    return content[:start] + value + content[start + len(value) :]


def test_records_are_found_where_they_are() -> None:
    """Names, places and sizes are those that Python's own reader finds."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        expected = {record: archive.read(record) for record in archive.namelist()}

    assert read(GOOD) == expected


def test_what_torch_wrote_is_read() -> None:
    """The weights of a real checkpoint, with torch's alignment and data descriptors, are read without their content."""
    with NemoCheckpoint.open(SAMPLE) as checkpoint, checkpoint.open_member(WEIGHTS) as stream:
        records = read_zip(stream, checkpoint.size(WEIGHTS), member=WEIGHTS)

    assert len(records) == 176
    assert records["model_weights/byteorder"].size == 6
    assert all(record.offset % 64 == 0 for name, record in records.items() if "/data/" in name)


def test_large_archives_are_read() -> None:
    """Sizes and counts that need zip64 fields are taken from there."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open(f"{FOLDER}/data.pkl", "w", force_zip64=True) as record:
        record.write(b"abc")
    content = changed(file.getvalue(), b"PK\1\2", 20, struct.pack("<2I", 0xFFFFFFFF, 0xFFFFFFFF))
    content = changed(content, b"PK\1\2", 30, struct.pack("<H", 20))
    name_end = content.rindex(b"data.pkl") + len(b"data.pkl")
    content = content[:name_end] + struct.pack("<2H2Q", 1, 16, 3, 3) + content[name_end:]
    content = changed(content, b"PK\5\6", 12, struct.pack("<I", 46 + len(f"{FOLDER}/data.pkl") + 20))

    assert read(content) == {f"{FOLDER}/data.pkl": b"abc"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a zip file"),
        (b"weights" * 100, "not a zip file"),
        (GOOD[:-1], "was cut, or bytes were appended"),
        (GOOD + b"\0", "was cut, or bytes were appended"),
        (b"x" + GOOD, "does not end at"),
        (changed(GOOD, b"PK\5\6", 20, b"\1\0"), "with a comment"),
        (changed(GOOD, b"PK\5\6", 8, b"\1\0"), "a part of one"),
        (changed(GOOD, b"PK\5\6", 8, b"\1\0\1\0"), "holds more than its 1 records"),
        (changed(GOOD, b"PK\5\6", 8, b"\x30\0\x30\0"), "is cut or holds something else"),
        (changed(GOOD, b"PK\1\2", 10, b"\x08\0"), "compressed, encrypted or commented"),
        (changed(GOOD, b"PK\1\2", 8, b"\1\0"), "compressed, encrypted or commented"),
        (changed(GOOD, b"PK\1\2", 24, b"\xff\0\0\0"), "compressed, encrypted or commented"),
        (changed(GOOD, b"PK\1\2", 42, b"\0\0\0\0"), "but the one before ends at"),
        (changed(GOOD, b"PK\3\4", 8, b"\x08\0"), "the directory says"),
        (changed(GOOD, b"PK\3\4", 18, b"\1\0\0\0"), "the directory says"),
        (changed(GOOD, b"PK\3\4", 0, b"PK\3\5"), "has no header at"),
        (changed(GOOD, b"PK\3\4", 30, b"other"), "the directory says"),
        (torch_archive({}, records={"../x": b""}), "no plain name"),
        (torch_archive({}, records={"a//b": b""}), "no plain name"),
        (torch_archive({}, records={"é": b""}), "no plain name"),
    ],
)
def test_what_readers_could_disagree_about_is_refused(content: bytes, problem: str) -> None:
    """Each way to say two things in one zip is refused, with the record."""
    with pytest.raises(Refusal, match=problem):
        read(content)


def test_gaps_are_refused() -> None:
    """Bytes between two records, which belong to neither, could be anything."""
    second = GOOD.index(b"PK\3\4", 1)
    gap = b"hidden"
    content = bytearray(GOOD[:second] + gap + GOOD[second:])
    start = content.index(b"PK\1\2")
    while (start := content.find(b"PK\1\2", start + 1)) >= 0:
        offset = struct.unpack_from("<I", content, start + 42)[0]
        struct.pack_into("<I", content, start + 42, offset + len(gap))
    end = content.rindex(b"PK\5\6")
    struct.pack_into("<I", content, end + 16, struct.unpack_from("<I", content, end + 16)[0] + len(gap))

    with pytest.raises(Refusal, match="but the one before ends at"):
        read(bytes(content))


def test_every_cut_is_refused() -> None:
    """A zip that ends anywhere before its end is refused, never read in part."""
    for end in range(len(GOOD)):
        with pytest.raises(Refusal):
            read(GOOD[:end])
