"""A SentencePiece model, read as the protobuf message it is, without SentencePiece.

Source: sentencepiece_model.proto (ModelProto); protobuf, "Encoding" (wire types).
"""

from collections.abc import Iterator

__all__ = ["NotSentencePiece", "read_pieces"]

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_PIECE, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER = 1, 2, 3, 4, 5
_TEXT, _SCORE, _TYPE = 1, 2, 3  # of a piece
_TYPES = range(1, 7)  # normal, unknown, control, user defined, unused, byte
_PIECE_LIMIT = 500_000
_VARINT_LIMIT = 10  # bytes


class NotSentencePiece(Exception):
    """The bytes are no ModelProto."""


def read_pieces(content: bytes) -> list[str]:
    """Returns the pieces in the order of their ids.

    Raises:
        NotSentencePiece: The bytes are no SentencePiece model.
    """
    pieces: list[str] = []
    for field, kind, value in _fields(content):
        if kind != _LENGTH or not isinstance(value, bytes) or not _PIECE <= field <= _DENORMALIZER:
            raise NotSentencePiece(f"field {field} of wire type {kind} is none of a model's")
        if field == _PIECE:
            pieces.append(_piece(value))
        if len(pieces) > _PIECE_LIMIT:
            raise NotSentencePiece(f"more than {_PIECE_LIMIT} pieces")
        if field in (_TRAINER, _NORMALIZER, _DENORMALIZER):
            for _ in _fields(value):  # walked to its end; the values mean nothing here
                pass
    if not pieces:
        raise NotSentencePiece("no pieces")
    return pieces


def _piece(content: bytes) -> str:
    fields = {field: (kind, value) for field, kind, value in _fields(content)}
    kind, text = fields.get(_TEXT, (None, b""))
    score = fields.get(_SCORE, (_FIXED_32, 0))[0]
    type_kind, type_value = fields.get(_TYPE, (_VARINT, _TYPES[0]))
    plain = fields.keys() <= {_TEXT, _SCORE, _TYPE} and score == _FIXED_32 and type_kind == _VARINT
    if not plain or kind != _LENGTH or not isinstance(text, bytes) or type_value not in _TYPES:
        raise NotSentencePiece("a piece has other fields than a text, a score and a type")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotSentencePiece("a piece is not UTF-8") from error


def _fields(content: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Yields number, wire type and value of each field of a message."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            number, position = _varint(content, position)
            yield field, kind, number
            continue
        if kind == _LENGTH:
            size, position = _varint(content, position)
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise NotSentencePiece(f"wire type {kind} at byte {position}")
        if not field or position + size > len(content):
            raise NotSentencePiece(f"a field of {size} bytes at byte {position} is cut")
        yield field, kind, content[position : position + size]
        position += size


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(content[position : position + _VARINT_LIMIT]):
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, position + index + 1
    raise NotSentencePiece(f"a number at byte {position} is cut or too long")
