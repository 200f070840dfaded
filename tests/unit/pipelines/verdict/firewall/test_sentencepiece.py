"""A SentencePiece model is read as the message it is."""

import struct
from pathlib import Path

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.firewall.sentencepiece import NotSentencePiece, read_pieces
from tests.sentencepiece_models import field, model

ROOT = Path(__file__).parents[5]
SAMPLE = ROOT / "tests/assets/asr-en-US-conformer/model.nemo"


def test_a_real_tokenizer_is_read() -> None:
    """The pieces of a trained tokenizer are those that its model's configuration lists."""
    with NemoCheckpoint.open(SAMPLE) as checkpoint:
        (name,) = (name for name in checkpoint.names() if name.endswith("tokenizer.model"))
        assert read_pieces(checkpoint.read(name)) == checkpoint.config["decoder"]["vocabulary"]


def test_pieces_come_in_order() -> None:
    """Texts of any script, empty ones included, come out in the order of their ids."""
    assert read_pieces(model("<unk>", "▁a", "ß", "")) == ["<unk>", "▁a", "ß", ""]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x0a",
        b"\x0a\x05abc",
        field(9, b"x") + model("a"),
        b"\x08\x01" + model("a"),
        b"\x0b" + model("a"),
        b"\x80" * 20,
        field(1, field(1, b"\xff")),
        field(1, field(4, b"x")),
        field(1, b"\x15" + struct.pack("<f", 1.0)),
        field(1, field(1, b"a") + b"\x18\x09"),
        field(2, b"\x0a\x50x") + model("a"),
        b"lines\nof text\n",
    ],
)
def test_other_bytes_are_refused(content: bytes) -> None:
    """What is cut, or has fields that no model has, is no model."""
    with pytest.raises(NotSentencePiece):
        read_pieces(content)


def test_every_cut_is_refused_or_ends_at_a_field() -> None:
    """A model that was cut never crashes the reader, and never gives other pieces than it holds."""
    whole = model("<unk>", "a", "b")

    for end in range(len(whole)):
        try:
            found = read_pieces(whole[:end])
        except NotSentencePiece:
            continue
        assert found == ["<unk>", "a", "b"][: len(found)]
