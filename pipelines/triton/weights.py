"""Weights of a large ONNX file brought into a file of their own, in constant memory.

The file is a protocol buffer: a sequence of fields, each a tag (number and kind) and a value. Only the fields that lead
to the weights are taken apart (onnx.proto: ModelProto.graph 7, GraphProto.initializer 5, TensorProto.raw_data 9 and
float_data 4); everything else is copied as it stands. https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines.errors import EngineFailed

__all__ = ["move_weights_out"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_DATA_TYPE, _FLOAT_DATA, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 2, 4, 9, 13, 14  # of TensorProto
_FLOAT, _EXTERNAL = 1, 1  # values of data_type and data_location
_SMALL = 64 << 10  # bytes of a tensor that stays where it is
_REST = 64 << 20  # most bytes of everything but weights
_ALIGNMENT = 4096  # a page, so that the weights can be mapped
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Field:
    """Where a field begins, where its value begins, and where both end."""

    number: int
    kind: int
    begin: int
    value: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.value


def move_weights_out(source: Path, graph: Path) -> tuple[Path, ...]:
    """Writes the ONNX file `graph` with what `source` computes, its large weights in a file beside it.

    Returns:
        The files of weights.

    Raises:
        EngineFailed: `source` is no ONNX file.
    """
    weights = graph.with_name(f"{graph.name}.weights")
    with source.open("rb") as file, weights.open("wb") as data:
        try:
            model = b"".join(
                _tagged(_GRAPH, _graph(file, field, data)) if field.number == _GRAPH else _copied(file, field)
                for field in _fields(file, 0, source.stat().st_size)
            )
        except _NotAGraph as error:
            raise EngineFailed(
                f"{source.name} is no ONNX file: {error}",
                "the archive is damaged, or another file took the graph's name",
                "export the checkpoint again with nemo2riva",
            ) from error
    graph.write_bytes(model)
    return (weights,)


class _NotAGraph(Exception):
    pass


def _graph(file: IO[bytes], graph: _Field, data: IO[bytes]) -> bytes:
    rest = bytearray()
    for field in _fields(file, graph.value, graph.end):
        large = field.number == _INITIALIZER and field.size > _SMALL
        rest += _tagged(_INITIALIZER, _tensor(file, field, data)) if large else _copied(file, field)
        if len(rest) > _REST:
            raise _NotAGraph(f"{len(rest):,} bytes of it are not weights")
    return bytes(rest)


def _tensor(file: IO[bytes], tensor: _Field, data: IO[bytes]) -> bytes:
    """A tensor that refers to its data; packed floats are stored as raw data are."""
    fields = [*_fields(file, tensor.value, tensor.end)]
    is_float = any(f.number == _DATA_TYPE and _value(file, f) == _FLOAT for f in fields)
    payload = [
        f for f in fields if f.kind == _BYTES and (f.number == _RAW_DATA or (f.number == _FLOAT_DATA and is_float))
    ]
    if len(payload) != 1:
        return b"".join(_copied(file, field) for field in fields)
    data.seek(-data.tell() % _ALIGNMENT, 1)
    entries = {"location": Path(data.name).name, "offset": str(data.tell()), "length": str(payload[0].size)}
    _stream(file, payload[0], data)
    kept = b"".join(_copied(file, field) for field in fields if field is not payload[0])
    external = b"".join(
        _tagged(_EXTERNAL_DATA, _tagged(1, key.encode()) + _tagged(2, value.encode())) for key, value in entries.items()
    )
    return kept + external + _encoded(_DATA_LOCATION << 3 | _VARINT) + _encoded(_EXTERNAL)


def _fields(file: IO[bytes], begin: int, end: int) -> Iterator[_Field]:
    while begin < end:
        file.seek(begin)
        tag = _varint(file)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value = file.tell()
            _varint(file)
            after = file.tell()
        elif kind in (_FIXED64, _FIXED32):
            value = file.tell()
            after = value + (8 if kind == _FIXED64 else 4)
        elif kind == _BYTES:
            size = _varint(file)
            value = file.tell()
            after = value + size
        else:
            raise _NotAGraph(f"there is no field of kind {kind} (byte {begin})")
        if after > end:
            raise _NotAGraph(f"a field ends beyond its message (byte {begin})")
        yield _Field(number, kind, begin, value, after)
        begin = after


def _value(file: IO[bytes], field: _Field) -> int:
    file.seek(field.value)
    return _varint(file)


def _copied(file: IO[bytes], field: _Field) -> bytes:
    if field.end - field.begin > _REST:
        raise _NotAGraph(f"{field.size:,} bytes of it are not weights")
    file.seek(field.begin)
    return file.read(field.end - field.begin)


def _stream(file: IO[bytes], field: _Field, data: IO[bytes]) -> None:
    file.seek(field.value)
    left = field.size
    while left and (block := file.read(min(_BLOCK, left))):
        data.write(block)
        left -= len(block)


def _tagged(number: int, content: bytes) -> bytes:
    return _encoded(number << 3 | _BYTES) + _encoded(len(content)) + content


def _varint(file: IO[bytes]) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            break
        number |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return number
    raise _NotAGraph("a number ends too late")


def _encoded(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
