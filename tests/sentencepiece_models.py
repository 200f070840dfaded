"""SentencePiece models, made without SentencePiece."""

import struct

__all__ = ["field", "model"]


def field(number: int, content: bytes) -> bytes:
    """A field of bytes in protobuf's wire format."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def model(*pieces: str) -> bytes:
    """A model of ordinary pieces, with the two specifications that every model has."""
    content = b"".join(field(1, field(1, piece.encode()) + b"\x15" + struct.pack("<f", -1.0)) for piece in pieces)
    return content + field(2, b"\x18\x02") + field(3, field(1, b"nmt_nfkc"))


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
