"""The zip of torch's weights, read so that no other reader can see something else in it.

A zip file says everything twice, in the headers before the records and in the directory at the end, and its readers
disagree about which of the two counts, about duplicates and about bytes in between. torch's writer leaves nothing open:
records are stored, each follows the one before, the directory follows the last. Only that is accepted.

Sources: APPNOTE.TXT 6.3.10 (PKWARE); PyTorch, caffe2/serialize/inline_container.cc (PyTorchStreamWriter: padding in the
extra field `FB`, data descriptors, zip64 directory) and the files that torch 1.6 to 2.13 write.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from pipelines.verdict.firewall.refusal import Refusal, shown
from pipelines.verdict.rules.pickles import WEIGHTS_FORMAT, WEIGHTS_ZIP

__all__ = ["ZipRecord", "read_zip"]

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")

_RECORD_LIMIT = 100_000  # a model of a billion parameters has two or three thousand tensors
_DIRECTORY_LIMIT = 16 << 20
_NAME_LIMIT = 200
_ENCRYPTED, _HAS_DESCRIPTOR = 0x1, 0x8
_DESCRIPTOR_SIZES = (12, 16, 20, 24)  # with or without its signature, sizes of 4 or 8 bytes
_ZIP64_FIELD = 1
_SET_IN_ZIP64, _SET_IN_ZIP64_SHORT = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, kw_only=True)
class ZipRecord:
    """A stored record.

    Args:
        name: Its name in the zip.
        offset: Where its content begins, in bytes from the start of the stream.
        size: Size of its content in bytes.
    """

    name: str
    offset: int
    size: int


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What the directory says about a record."""

    name: bytes
    flags: int
    size: int
    header: int


def read_zip(stream: IO[bytes], size: int, *, member: str) -> Mapping[str, ZipRecord]:
    """Reads the directory and every header of a zip that fills a stream of `size` bytes; no content is read.

    Raises:
        Refusal: It is not a zip, or one that torch does not write.
    """
    count, start, end = _directory(stream, size, member)
    stream.seek(start)
    records: dict[str, ZipRecord] = {}
    position = 0
    gaps: tuple[int, ...] = (0,)
    for entry in _entries(stream.read(end - start), count, member):
        name = _name(entry.name, member)
        where = f"{member}/{name}"
        if name in records:
            raise Refusal(WEIGHTS_ZIP, f"the record {name} of {member} occurs twice", where=where)
        if entry.header - position not in gaps:
            what = f"the record {name} begins at byte {entry.header} of {member}, but the one before ends at {position}"
            raise Refusal(WEIGHTS_ZIP, what, where=where)
        offset = _content(stream, entry, where)
        records[name] = ZipRecord(name=name, offset=offset, size=entry.size)
        position, gaps = offset + entry.size, _DESCRIPTOR_SIZES if entry.flags & _HAS_DESCRIPTOR else (0,)
    if start - position not in gaps:
        what = f"the records of {member} end at byte {position}, but their directory begins at byte {start}"
        raise Refusal(WEIGHTS_ZIP, what, where=member)
    return records


def _directory(stream: IO[bytes], size: int, member: str) -> tuple[int, int, int]:
    """Returns the number of records, and where their directory begins and ends."""
    end = size - _END.size
    stream.seek(max(end, 0))
    tail = stream.read(_END.size)
    if end < 0 or not tail.startswith(b"PK\5\6"):
        stream.seek(0)
        if stream.read(4) == b"PK\3\4":
            what = f"{member} begins as a zip file and does not end as one: it was cut, or bytes were appended"
            raise Refusal(WEIGHTS_ZIP, what, where=member)
        raise Refusal(WEIGHTS_FORMAT, f"{member} is not a zip file", where=member)
    _, _, _, here, count, length, start, comment = _END.unpack(tail)
    if comment or here != count:
        raise Refusal(WEIGHTS_ZIP, f"{member} is a zip with a comment, or a part of one", where=member)
    if end >= _LOCATOR.size + _END_64.size:
        stream.seek(end - _LOCATOR.size - _END_64.size)
        end_64, locator = stream.read(_END_64.size), _LOCATOR.unpack(stream.read(_LOCATOR.size))
        if locator[0] == b"PK\6\7":
            end -= _LOCATOR.size + _END_64.size
            count_64, length_64, start_64 = _END_64.unpack(end_64)[-3:]
            agree = (
                end_64.startswith(b"PK\6\6")
                and locator[2] == end
                and count in (count_64, _SET_IN_ZIP64_SHORT)
                and length in (length_64, _SET_IN_ZIP64)
                and start in (start_64, _SET_IN_ZIP64)
            )
            if not agree:
                raise Refusal(WEIGHTS_ZIP, f"the two directory ends of {member} disagree", where=member)
            count, length, start = count_64, length_64, start_64
    if start + length != end or length > _DIRECTORY_LIMIT or count > _RECORD_LIMIT:
        what = f"{member}: a directory of {length} bytes for {count} records from byte {start} does not end at {end}"
        raise Refusal(WEIGHTS_ZIP, what, where=member)
    return count, start, end


def _entries(directory: bytes, count: int, member: str) -> Iterator[_Entry]:
    position = 0
    for _ in range(count):
        fields = directory[position : position + _CENTRAL.size]
        if len(fields) < _CENTRAL.size or not fields.startswith(b"PK\1\2"):
            raise Refusal(WEIGHTS_ZIP, f"the directory of {member} is cut or holds something else", where=member)
        _, _, _, flags, method, _, _, _, stored, size, names, extras, comments, disk, _, _, header = _CENTRAL.unpack(
            fields
        )
        name = directory[position + _CENTRAL.size :][:names]
        extra = directory[position + _CENTRAL.size + names :][:extras]
        position += _CENTRAL.size + names + extras + comments
        size, stored, header = _zip64(extra, size, stored, header)
        if method or stored != size or flags & _ENCRYPTED or comments or disk:
            what = f"the record {shown(name)} of {member} is compressed, encrypted or commented; torch only stores"
            raise Refusal(WEIGHTS_ZIP, what, where=member)
        yield _Entry(name=name, flags=flags, size=size, header=header)
    if position != len(directory):
        raise Refusal(WEIGHTS_ZIP, f"the directory of {member} holds more than its {count} records", where=member)


def _zip64(extra: bytes, *values: int) -> tuple[int, ...]:
    """Returns sizes and offset, each from the zip64 field where the short one says so."""
    long = b""
    while len(extra) >= 4:
        field, length = struct.unpack_from("<2H", extra)
        if field == _ZIP64_FIELD:
            long = extra[4 : 4 + length]
        extra = extra[4 + length :]
    found = iter(struct.unpack(f"<{len(long) // 8}Q", long[: len(long) // 8 * 8]))
    return tuple(next(found, value) if value == _SET_IN_ZIP64 else value for value in values)


def _name(raw: bytes, member: str) -> str:
    name = raw.decode("ascii", "replace")
    parts = name.split("/")
    if (
        len(raw) > _NAME_LIMIT
        or not name.isprintable()
        or "\ufffd" in name
        or "\\" in name
        or {"", ".", ".."} & {*parts}
    ):
        raise Refusal(WEIGHTS_ZIP, f"a record of {member} is called {shown(raw)}, which is no plain name", where=member)
    return name


def _content(stream: IO[bytes], entry: _Entry, where: str) -> int:
    """Returns where the content of a record begins, if the header before it says what the directory says."""
    stream.seek(entry.header)
    header = stream.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise Refusal(WEIGHTS_ZIP, f"{where} has no header at byte {entry.header}", where=where)
    _, _, flags, method, _, _, _, stored, size, names, extras = _LOCAL.unpack(header)
    name = stream.read(names)
    sizes = {entry.size, _SET_IN_ZIP64, *((0,) if flags & _HAS_DESCRIPTOR else ())}
    if (name, flags, method) != (entry.name, entry.flags, 0) or not {stored, size} <= sizes:
        what = f"the header of {where} says {shown(name)}, {size} bytes; the directory says {entry.size} bytes"
        raise Refusal(WEIGHTS_ZIP, what, where=where)
    return entry.header + _LOCAL.size + int(names) + int(extras)
