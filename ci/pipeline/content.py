"""Digests of what stages read, write and are made of.

Always from the bytes, never from times or sizes: a changed byte of the same size and time stamp is seen.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.digests import file_digest

__all__ = ["Content", "digest_of", "value_digest"]

_CACHES = ("__pycache__", ".mypy_cache", ".ruff_cache")


@dataclass(frozen=True)
class Content:
    """What a file or a folder holds.

    Attributes:
        sha256: Of the bytes; of a folder, of the names and digests of all files in it.
        size: Bytes of all files together.
    """

    sha256: str
    size: int


def digest_of(path: Path, *, without: Iterable[Path] = ()) -> Content | None:
    """The content of a file or folder, without caches and the paths excluded; None if it is not there."""
    if path.is_file():
        return Content(file_digest(path), path.stat().st_size)
    if not path.is_dir():
        return None
    excluded = tuple(without)
    digest, size = hashlib.sha256(), 0
    for entry in sorted(path.rglob("*")):
        if entry.is_dir() or any(part in _CACHES for part in entry.parts):
            continue
        if any(entry.is_relative_to(each) for each in excluded):
            continue
        digest.update(f"{entry.relative_to(path)}\0{file_digest(entry)}\n".encode())
        size += entry.stat().st_size
    return Content(digest.hexdigest(), size)


def value_digest(value: Any) -> str:
    """The sha256 of a value made of texts, numbers, lists and mappings, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
