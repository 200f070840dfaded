"""What the weights of a checkpoint hold, as far as their headers say."""

import math
from dataclasses import dataclass

from pipelines.verdict.findings import Finding

__all__ = ["ITEM_SIZES", "StateDict", "Storage", "TensorRecord"]

ITEM_SIZES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""Bytes of a number of each type."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A record of numbers; several tensors may share it.

    Args:
        key: Its name in the archive, after `data/`.
        dtype: Type of the numbers, as torch calls it without `torch.`.
        offset: Where it begins, in bytes from the start of the weights.
        size: Its size in bytes.
    """

    key: str
    dtype: str
    offset: int
    size: int

    @property
    def elements(self) -> int:
        """The count of its numbers."""
        return self.size // ITEM_SIZES[self.dtype]


@dataclass(frozen=True, kw_only=True)
class TensorRecord:
    """A tensor of the state dict.

    Args:
        name: Its name.
        shape: Its shape.
        storage: Where its numbers are.
        first: Index of its first number in the storage.
    """

    name: str
    shape: tuple[int, ...]
    storage: Storage
    first: int

    @property
    def dtype(self) -> str:
        """Type of its numbers, as torch calls it without `torch.`."""
        return self.storage.dtype

    @property
    def elements(self) -> int:
        """The count of its numbers."""
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class StateDict:
    """What the weights hold.

    Args:
        tensors: The tensors in the order of the file; none if there are findings.
        findings: What is not on the allow-list.
    """

    tensors: tuple[TensorRecord, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def storages(self) -> tuple[Storage, ...]:
        """Every storage once, in the order of the file."""
        return tuple(dict.fromkeys(tensor.storage for tensor in self.tensors))

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Returns the shape of a tensor, or None where there is no such tensor."""
        return next((tensor.shape for tensor in self.tensors if tensor.name == name), None)
