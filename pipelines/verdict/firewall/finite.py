"""The scan of every weight for NaN and infinity: as fast as the file can be read, in constant memory.

A floating-point number is NaN or infinite exactly when all bits of its exponent are set (IEEE 754-2019, 3.4; bfloat16
has the exponent of float32). So the numbers are looked at as integers, a block at a time.
"""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.errors import TruncatedArchive
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.tensors import ITEM_SIZES, StateDict, Storage
from pipelines.verdict.rules.weights import WEIGHTS_FINITE

__all__ = ["check_finite"]

_EXPONENTS = {"float64": 0x7FF0 << 48, "float32": 0x7F80 << 16, "bfloat16": 0x7F80, "float16": 0x7C00}
_BLOCK = 256 << 10  # bytes: block and work space stay in the processor's cache
_NAMED = 5


def check_finite(checkpoint: NemoCheckpoint, state: StateDict) -> Iterator[Finding]:
    """Yields one finding if any weight is NaN or infinite, with the first of them by name.

    Raises:
        TruncatedArchive: The file became shorter while it was read.
    """
    found = {
        storage: index
        for storage in sorted(state.storages, key=lambda storage: storage.offset)
        if storage.dtype in _EXPONENTS and (index := _first_not_finite(checkpoint, storage)) is not None
    }
    if found:
        names = [tensor.name for tensor in state.tensors if tensor.storage in found]
        first = next(tensor for tensor in state.tensors if tensor.storage in found)
        more = ", ".join(islice(names, 1, _NAMED))
        what = f"{checkpoint.path}: {len(names)} of {len(state.tensors)} tensors hold NaN or infinity"
        place = f"number {found[first.storage] - first.first} of {first.name} ({first.dtype}, shape {first.shape})"
        also = f", also {more}" if more else ""
        yield WEIGHTS_FINITE.finding(f"{what}: {place}{also}", where=f"{WEIGHTS}: {first.name}")


def _first_not_finite(checkpoint: NemoCheckpoint, storage: Storage) -> int | None:
    """Returns the index of the first number of a storage that is NaN or infinite."""
    import numpy as np  # 0.1 s, and only here: a verdict without the scan does without it

    size = ITEM_SIZES[storage.dtype]
    numbers: Any = np.empty(_BLOCK // size, f"<u{size}")
    exponents = np.empty_like(numbers)
    mask = numbers.dtype.type(_EXPONENTS[storage.dtype])
    window = checkpoint.window(WEIGHTS)
    start, done = window.start + storage.offset, 0
    while done < storage.size:
        count = min(_BLOCK, storage.size - done)
        read = os.preadv(window.stream.fileno(), [memoryview(numbers).cast("B")[:count]], start + done)
        if read < count:
            raise TruncatedArchive(f"{checkpoint.path} became shorter while it was read", fix="judge it again")
        block = np.bitwise_and(numbers, mask, out=exponents)[: count // size]
        if block.max() == mask:
            return done // size + int((block == mask).argmax())
        done += count
    return None
