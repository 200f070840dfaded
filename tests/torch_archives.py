"""Weights as torch.save writes them, made without torch: the right form, with any part replaced.

The pickles are put together opcode by opcode, so that a test can write what no library would.
"""

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["FOLDER", "Tensor", "call", "integer", "name", "persistent", "pickled", "text", "torch_archive", "tuple_of"]

FOLDER = "model_weights"
STORAGES = {"float32": ("FloatStorage", 4), "int64": ("LongStorage", 8), "float16": ("HalfStorage", 2)}
STORAGES |= {"bfloat16": ("BFloat16Storage", 2), "float64": ("DoubleStorage", 8), "uint8": ("ByteStorage", 1)}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a state dict; zeros if no content is given."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    content: bytes | None = None

    @property
    def elements(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def data(self) -> bytes:
        return bytes(self.elements * STORAGES[self.dtype][1]) if self.content is None else self.content


def name(module: str, function: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{function}\n".encode()


def text(value: str) -> bytes:
    """BINUNICODE."""
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    """BININT, or LONG1 where that is too short."""
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def tuple_of(*items: bytes) -> bytes:
    """MARK ... TUPLE."""
    return b"(" + b"".join(items) + b"t"


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + tuple_of(*arguments) + b"R"


def persistent(key: str, storage: str, count: int) -> bytes:
    """BINPERSID of a storage."""
    return tuple_of(text("storage"), name("torch", storage), text(key), text("cpu"), integer(count)) + b"Q"


def rebuilt(tensor: Tensor, key: str, *, first: int = 0, strides: tuple[int, ...] | None = None) -> bytes:
    """The call that makes a tensor of a storage."""
    if strides is None:
        strides = tuple(_product(tensor.shape[index + 1 :]) for index in range(len(tensor.shape)))
    storage, item = STORAGES[tensor.dtype]
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        persistent(key, storage, len(tensor.data) // item),
        integer(first),
        tuple_of(*map(integer, tensor.shape)),
        tuple_of(*map(integer, strides)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def pickled(values: Mapping[str, bytes], *, before: bytes = b"", after: bytes = b"") -> bytes:
    """The pickle of an ordered mapping of names to values that are opcodes already."""
    items = b"".join(text(key) + value for key, value in values.items())
    return b"\x80\x02" + before + call(name("collections", "OrderedDict")) + b"(" + items + b"u" + after + b"."


def torch_archive(
    tensors: Mapping[str, Tensor],
    *,
    pickle: bytes | None = None,
    records: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """Returns the file that torch.save would write for a state dict.

    Args:
        tensors: The state dict; each tensor has a storage of its own.
        pickle: `data.pkl` as it stands, instead of the right one.
        records: More records, below the folder of the archive.
        compression: How records are kept; torch stores them.
    """
    built = {key: rebuilt(tensor, str(index)) for index, (key, tensor) in enumerate(tensors.items())}
    contents = {
        "data.pkl": pickled(built) if pickle is None else pickle,
        "byteorder": b"little",
        **{f"data/{index}": tensor.data for index, tensor in enumerate(tensors.values())},
        "version": b"3\n",
        **(records or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for record, content in contents.items():
            archive.writestr(zipfile.ZipInfo(f"{FOLDER}/{record}"), content, compression)
    return file.getvalue()


def _product(sizes: tuple[int, ...]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product
