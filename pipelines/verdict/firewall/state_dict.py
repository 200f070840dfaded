"""The state dict of a checkpoint, read from torch's archive without torch: where each tensor is, its shape and type.

Names that the pickles of real checkpoints use (read from the samples of this repository, saved by NeMo 3.0 under torch
2.13): `collections.OrderedDict`, `torch._utils._rebuild_tensor_v2`, `torch.FloatStorage`, `torch.LongStorage`. The
allow-list adds the other storages of plain numbers, and `_rebuild_parameter` for state dicts that were taken with
`keep_vars=True`. torch's own list (torch/_weights_only_unpickler.py) is much longer.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from pipelines.verdict.firewall.pickles import PICKLE_LIMIT, Call, Global, OrderedMapping, mentioned_globals, walk
from pipelines.verdict.firewall.refusal import Refusal, shown
from pipelines.verdict.firewall.tensors import ITEM_SIZES, StateDict, Storage, TensorRecord
from pipelines.verdict.firewall.zip_records import ZipRecord, read_zip
from pipelines.verdict.rules.pickles import (
    PICKLE_CALLS,
    PICKLE_GLOBALS,
    PICKLE_LIMITS,
    STATE_DICT,
    TENSOR_BOUNDS,
    WEIGHTS_FORMAT,
    WEIGHTS_RECORDS,
)

__all__ = ["read_state_dict"]

_STORAGES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
_PICKLE = "data.pkl"
_SMALL_RECORDS = {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
_SMALL = 64  # bytes; they hold a number or a word
_DIMENSIONS = 16
_LARGEST = 1 << 48  # of sizes, strides and offsets


def read_state_dict(stream: IO[bytes], size: int, *, member: str) -> StateDict:
    """Reads a state dict from a seekable stream of `size` bytes; the numbers themselves are not read.

    Args:
        stream: The weights.
        size: Their size in bytes.
        member: Their name in the checkpoint, for findings.
    """
    try:
        return StateDict(tensors=tuple(_tensors(stream, size, member)))
    except Refusal as refusal:
        return StateDict(findings=(refusal.finding,))


def _tensors(stream: IO[bytes], size: int, member: str) -> Iterator[TensorRecord]:
    stream.seek(0)
    if stream.read(1) == b"\x80":
        raise _bare_pickle(stream, size, member)
    pickle, storages = _sorted(read_zip(stream, size, member=member), stream, member)
    reader = _Reader(storages, where=f"{member}/{_PICKLE}")
    if pickle.size > PICKLE_LIMIT:
        what = f"the pickle {reader.where} has {pickle.size} bytes, more than {PICKLE_LIMIT}"
        raise Refusal(PICKLE_LIMITS, what, where=reader.where)
    stream.seek(pickle.offset)
    found = walk(stream.read(pickle.size), reader.calls, persistent=reader.storage, where=reader.where)
    if not isinstance(found, dict):
        raise Refusal(STATE_DICT, f"{member} holds a {type(found).__name__}, not a state dict", where=member)
    if isinstance(found, OrderedMapping):
        _check_metadata(found.attributes, reader.where)
    for name, value in found.items():
        if not isinstance(value, _Tensor):
            what = f"{shown(name)} in {member} is of type {type(value).__name__}, not a tensor"
            raise Refusal(STATE_DICT, what, where=f"{member}: {shown(name)}")
        yield TensorRecord(name=name, shape=value.shape, storage=value.storage, first=value.first)
    unused = storages.keys() - reader.used
    if unused:
        what = f"{member} holds {len(unused)} records that no tensor uses, the first is data/{min(unused)}"
        raise Refusal(WEIGHTS_RECORDS, what, where=member)


def _bare_pickle(stream: IO[bytes], size: int, member: str) -> Refusal:
    """Returns why a file that begins as a pickle is refused: what it would run if that can be seen, else its format."""
    stream.seek(0)
    names = mentioned_globals(stream.read(min(size, PICKLE_LIMIT)))
    if names:
        return Refusal(PICKLE_GLOBALS, f"{member} is a bare pickle that names {', '.join(names)}", where=member)
    return Refusal(
        WEIGHTS_FORMAT,
        f"{member} is a bare pickle, not a torch archive",
        where=member,
        why="it was saved by torch before 1.6, or with _use_new_zipfile_serialization=False",
    )


def _sorted(records: Mapping[str, ZipRecord], stream: IO[bytes], member: str) -> tuple[ZipRecord, dict[str, ZipRecord]]:
    """Returns the pickle and the records of numbers by their key; refuses every record of another kind."""
    folders = {name.partition("/")[0] for name in records}
    folder = min(folders, default="")
    pickle: ZipRecord | None = None
    storages: dict[str, ZipRecord] = {}
    for record in records.values():
        name = record.name.removeprefix(f"{folder}/")
        key = name.removeprefix("data/")
        if name == _PICKLE:
            pickle = record
        elif name.startswith("data/") and key.isdecimal():
            storages[key] = record
        elif name not in _SMALL_RECORDS or record.size > _SMALL or len(folders) > 1:
            what = f"{member} holds the record {record.name} ({record.size} bytes), which no state dict has"
            raise Refusal(WEIGHTS_RECORDS, what, where=f"{member}/{record.name}")
        elif name == "byteorder":
            stream.seek(record.offset)
            order = stream.read(record.size)
            if order != b"little":
                raise Refusal(WEIGHTS_FORMAT, f"{member} was saved with byte order {shown(order)}", where=record.name)
    if pickle is None:
        raise Refusal(WEIGHTS_FORMAT, f"{member} is a zip file without {_PICKLE}", where=member)
    return pickle, storages


@dataclass(frozen=True)
class _Tensor:
    """Stands for a tensor that has no name yet."""

    storage: Storage
    first: int
    shape: tuple[int, ...]


class _Reader:
    """What the calls and persistent ids of the pickle stand for."""

    def __init__(self, records: Mapping[str, ZipRecord], *, where: str) -> None:
        self._records, self.where = records, where
        self._storages: dict[str, Storage] = {}
        self.calls: Mapping[str, Call | None] = {
            "collections.OrderedDict": self._ordered,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_parameter": self._parameter,
            **dict.fromkeys(_STORAGES),
        }

    @property
    def used(self) -> set[str]:
        """Keys of the records that tensors use."""
        return {*self._storages}

    def storage(self, identity: object) -> Storage:
        """Stands for `persistent_load`: ('storage', type, key, device, count of numbers)."""
        match identity:
            case ("storage", Global(name), str(key), str(), int(count)) if name in _STORAGES:
                dtype = _STORAGES[name]
            case _:
                raise Refusal(PICKLE_CALLS, f"{self.where} asks for an object that is no storage", where=self.where)
        record = self._records.get(key)
        if record is None or record.size != count * ITEM_SIZES[dtype]:
            has = "is not there" if record is None else f"has {record.size} bytes"
            what = f"a storage of {count} {dtype} is asked for, but its record data/{shown(key)} {has}"
            raise Refusal(TENSOR_BOUNDS, what, where=self.where)
        storage = Storage(key=key, dtype=dtype, offset=record.offset, size=record.size)
        if self._storages.setdefault(key, storage) != storage:
            raise Refusal(TENSOR_BOUNDS, f"the record data/{key} is used as two types", where=self.where)
        return storage

    def _ordered(self, arguments: tuple[Any, ...]) -> OrderedMapping:
        if arguments:
            raise self._unexpected("collections.OrderedDict")
        return OrderedMapping()

    def _tensor(self, arguments: tuple[Any, ...]) -> _Tensor:
        match arguments:
            case (Storage() as storage, int(first), tuple(shape), tuple(strides), bool(), OrderedMapping() as hooks):
                pass
            case _:
                raise self._unexpected("torch._utils._rebuild_tensor_v2")
        numbers = (first, *shape, *strides)
        whole = all(type(number) is int and 0 <= number < _LARGEST for number in numbers)
        if hooks or len(shape) != len(strides) or not whole:
            raise self._unexpected("torch._utils._rebuild_tensor_v2")
        last = first + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        elements = math.prod(shape[:_DIMENSIONS])
        if len(shape) > _DIMENSIONS or elements > storage.elements or (elements and last >= storage.elements):
            what = (
                f"a tensor of {len(shape)} dimensions and {elements} numbers, the last at {last}, does not lie in its "
                f"storage data/{storage.key} of {storage.elements}"
            )
            raise Refusal(TENSOR_BOUNDS, what, where=self.where)
        return _Tensor(storage, first, shape)

    def _parameter(self, arguments: tuple[Any, ...]) -> _Tensor:
        match arguments:
            case (_Tensor() as tensor, bool(), OrderedMapping() as hooks) if not hooks:
                return tensor
            case _:
                raise self._unexpected("torch._utils._rebuild_parameter")

    def _unexpected(self, name: str) -> Refusal:
        return Refusal(
            PICKLE_CALLS, f"{self.where} calls {name} with arguments that torch.save does not give", where=self.where
        )


def _check_metadata(attributes: Mapping[str, Any], where: str) -> None:
    """Refuses attributes of the state dict other than `_metadata`: for each module a few plain values."""
    metadata = attributes.get("_metadata", {})
    plain = (
        attributes.keys() <= {"_metadata"}
        and isinstance(metadata, dict)
        and all(isinstance(module, dict) for module in metadata.values())
        and all(
            type(value) in (int, bool, str, type(None)) for module in metadata.values() for value in module.values()
        )
    )
    if not plain:
        names = ", ".join(map(shown, attributes)) or "nothing"
        what = f"{where} hangs {names} on the state dict; torch hangs only _metadata, a mapping of versions, on it"
        raise Refusal(PICKLE_CALLS, what, where=where)
