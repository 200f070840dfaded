"""Files in parts: GitHub takes assets of less than 2 GiB.

    cat NAME.part-* > NAME && sha256sum --check --ignore-missing SHA256SUMS

joins one again, by hand or as `install` does it.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipelines.outputs import atomic_file

__all__ = ["ASSET_LIMIT", "join", "part_names", "split"]

ASSET_LIMIT = 2 * 1024**3
"""An asset must be smaller: https://docs.github.com/en/repositories/releasing-projects-on-github/about-releases"""

_PIECE = 1 << 20


def part_names(name: str, size: int, *, limit: int = ASSET_LIMIT) -> list[str]:
    """The names of a file's assets: its own, or those of its parts in order.

    Args:
        name: Of the file.
        size: Of the file, in bytes.
        limit: Assets must be smaller, in bytes.
    """
    count = -(-size // (limit - 1))
    digits = max(3, len(str(count - 1)))  # as many for each, so that a shell's `*` sorts them
    return [name] if count <= 1 else [f"{name}.part-{number:0{digits}d}" for number in range(count)]


def split(source: Path, into: Sequence[Path], *, limit: int = ASSET_LIMIT) -> list[str]:
    """Copies a file into parts of less than `limit` bytes, in constant memory; returns the digest of each."""
    digests = []
    with source.open("rb") as stream:
        for path in into:
            digest, left = hashlib.sha256(), limit - 1
            with path.open("wb") as part:
                while left and (piece := stream.read(min(left, _PIECE))):
                    digest.update(piece)
                    part.write(piece)
                    left -= len(piece)
            digests.append(digest.hexdigest())
    return digests


def join(parts: Sequence[Path], target: Path) -> None:
    """Makes one file of its parts; whoever knows the digest compares it afterwards."""
    with atomic_file(target, force=True) as partial, partial.open("wb") as file:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, file, _PIECE)
