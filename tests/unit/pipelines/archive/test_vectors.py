"""The encrypted form is what pipelines/archive/README.md says, byte by byte."""

import hashlib
import io
import struct

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipelines.archive.encryption import DecryptingReader, Key
from tests.assets.encryption import make_vectors

VECTORS = yaml.safe_load((make_vectors.HERE / "vectors.yaml").read_text(encoding="utf-8"))


def seal_as_documented(vector: dict, plain: bytes) -> bytes:
    """Another implementation of the format, from its description."""
    salt, prefix = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["nonce_prefix"])
    derived = hashlib.scrypt(vector["key"].encode(), salt=salt, n=1 << 15, r=8, p=1, dklen=48, maxmem=64 << 20)
    header = (
        b"RIVAENC1" + bytes([15, vector["chunk_log"]]) + struct.pack(">Q", len(plain)) + salt + prefix + derived[32:]
    )
    size = 1 << vector["chunk_log"]
    pieces = [plain[start : start + size] for start in range(0, len(plain), size)] or [b""]
    sealed = header
    for number, piece in enumerate(pieces):
        nonce = prefix + number.to_bytes(4, "big") + bytes([number == len(pieces) - 1])
        sealed += AESGCM(derived[:32]).encrypt(nonce, piece, header)
    return sealed


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors_follow_from_the_description(vector: dict) -> None:
    """What a reader of the README would write is what we write, and our reader takes it."""
    plain = make_vectors.PLAIN[vector["name"]]
    sealed = seal_as_documented(vector, plain)

    assert len(sealed) == vector["sealed_size"]
    assert (sealed[:80].hex(), sealed[-32:].hex()) == (vector["begins"], vector["ends"])
    assert DecryptingReader(io.BytesIO(sealed), Key(vector["key"].encode()), name="x").read() == plain


def test_the_vectors_are_those_of_the_script() -> None:
    """Nobody edited them by hand."""
    assert (make_vectors.HERE / "vectors.yaml").read_text(encoding="utf-8") == make_vectors.text()
