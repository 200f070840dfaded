"""Sizes as people write and read them: 16GB, 1.5 GB."""

import re

from pipelines.errors import UsageError

__all__ = ["in_words", "read_size"]

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def in_words(size: int) -> str:
    """A size as people read it: 1.5 GB, in powers of ten like disks and weights."""
    amount, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def read_size(text: str) -> int:
    """Reads a size: `16GB`, `15.5 GiB`, `800M`, or bytes.

    Raises:
        UsageError: It has another form.
    """
    match = re.fullmatch(r"(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>[kMGT]i?|)B?", text.strip(), re.IGNORECASE)
    units = {unit.casefold(): factor for unit, factor in _UNITS.items()}
    if match is None:
        raise UsageError(f"{text!r} is not a size", fix="give a number with a unit, such as 16GB or 800MiB")
    return int(float(match["amount"]) * units[match["unit"].casefold()])
