"""Where the members of a tar file lie, believing nothing that its headers say without need."""

import tarfile
from pathlib import Path
from typing import IO

from pipelines.archive.window import Window
from pipelines.errors import NotAnArchive

__all__ = ["tar_members"]

_MEMBER_LIMIT = 10_000


def tar_members(stream: IO[bytes], path: Path) -> dict[str, Window]:
    """Returns the members of an uncompressed tar. Only plain files are taken, and only one after the other.

    Args:
        stream: The tar, seekable.
        path: The file that it is or lies in, for messages.

    Raises:
        NotAnArchive: A member is no plain file, or there twice.
        tarfile.TarError: It ends early or is damaged; `damage.reading` translates.
    """
    members: dict[str, Window] = {}
    end = 0
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        for entry in tar:
            # Python before 3.11.14 follows sizes that point back, without end (CVE-2025-8194).
            if entry.offset < end or entry.size < 0 or len(members) >= _MEMBER_LIMIT:
                raise tarfile.ReadError(f"the header at byte {entry.offset} leads astray")
            end = entry.offset_data
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse() or entry.name in members:
                raise NotAnArchive(
                    f"{path}: member {entry.name[:100]!r} {'occurs twice' if entry.name in members else 'is no file'}",
                    "no tool that makes archives of this kind writes such a member",
                    "make the archive again",
                )
            members[entry.name] = Window(stream, entry.offset_data, entry.size, path)
            end += -(-entry.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    stream.seek(end)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError(f"there is no end of the archive at byte {end}")
    return members
