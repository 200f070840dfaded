"""Writing an archive: every member once through, in constant memory, and the manifest last, when all digests are known.

What is read is read once: its digest is taken, and compared where one is known, while it is written.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pipelines.archive.encryption import Key, Sealing
from pipelines.archive.manifest import ARTIFACTS, MANIFEST, dump_manifest
from pipelines.errors import TruncatedArchive, UsageError
from pipelines.outputs import atomic_file

__all__ = ["Member", "write_archive"]

_BLOCK = 1 << 20
_UNKNOWN_DIGEST = "0" * 64  # as long as any other


@dataclass(frozen=True)
class Member:
    """One artifact to be written.

    Args:
        name: Its name below `artifacts/`.
        source: A file, the bytes themselves, or a function that opens a fresh, seekable stream of them.
        encrypt: Whether to encrypt this member alone with the archive's key.
        attributes: What the manifest says of it besides its digest and size.
        sha256: What its plain bytes must hash to, where that is known.
    """

    name: str
    source: Path | bytes | Callable[[], IO[bytes]]
    encrypt: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sha256: str | None = None

    def open(self) -> IO[bytes]:
        """Opens a fresh stream of the plain bytes."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return self.source.open("rb") if isinstance(self.source, Path) else self.source()


def write_archive(
    path: Path,
    manifest: Mapping[str, Any],
    members: Iterable[Member],
    *,
    key: Key | None = None,
    whole: bool = False,
    force: bool = False,
) -> None:
    """Writes an archive.

    Args:
        path: The archive to make; it appears complete or not at all.
        manifest: Everything but `artifacts`, which is added.
        members: The artifacts, in the order in which they are stored.
        key: The key of the members that ask for encryption, or of the whole file.
        whole: Whether to encrypt the whole file instead of members.
        force: Whether to replace an existing file.

    Raises:
        TruncatedArchive: A member is not what was expected, or changed while it was read.
        UsageError: Two members have the same name.
        OutputError: The output exists, is being written by another process, or cannot be written.
    """
    with atomic_file(path, force=force) as temporary:
        payloads = [_Payload(member, None if whole else key) for member in members]
        if len({payload.member.name for payload in payloads}) < len(payloads):
            names = sorted(payload.member.name for payload in payloads)
            raise UsageError(f"two artifacts have the same name: {', '.join(names)}", fix="give archives that differ")
        tar = _Tar(manifest, payloads)
        blocks = tar.blocks() if key is None or not whole else Sealing(key, tar.size).seal(tar.blocks())
        with temporary.open("wb") as file:
            for block in blocks:
                file.write(block)


class _Payload:
    """A member as it is stored, encrypted or not."""

    def __init__(self, member: Member, key: Key | None) -> None:
        self.member, self.sha256 = member, _UNKNOWN_DIGEST
        with member.open() as stream:
            self._plain_size = stream.seek(0, io.SEEK_END)
        self._sealing = Sealing(key, self._plain_size) if key is not None and member.encrypt else None
        self.size = self._plain_size if self._sealing is None else self._sealing.sealed_size

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest says of it; the digest is known when `blocks` is through."""
        facts = {**self.member.attributes, "sha256": self.sha256, "size": self.size}
        return facts if self._sealing is None else {**facts, "encrypted": True}

    def blocks(self) -> Iterator[bytes]:
        """The stored bytes."""
        digest = hashlib.sha256()
        for block in self._plain() if self._sealing is None else self._sealing.seal(self._plain()):
            digest.update(block)
            yield block
        self.sha256 = digest.hexdigest()
        if self._sealing is None and self.member.sha256 not in (None, self.sha256):
            raise TruncatedArchive(
                f"{self.member.name} has sha256 {self.sha256}, the manifest that it comes with says "
                f"{self.member.sha256}",
                "the archive was damaged or changed after it was made",
                "fetch or make it again",
            )

    def _plain(self) -> Iterator[bytes]:
        left = self._plain_size
        with self.member.open() as stream:
            while left and (block := stream.read(min(_BLOCK, left))):
                left -= len(block)
                yield block
            if left or stream.read(1):
                raise TruncatedArchive(
                    f"{self.member.name} is no longer {self._plain_size:,} bytes long",
                    "it changed while it was read",
                    "let nothing else write it, and try again",
                )


class _Tar:
    """A tar file with fixed times, modes and owners: the same members give the same bytes."""

    def __init__(self, manifest: Mapping[str, Any], payloads: list[_Payload]) -> None:
        self._manifest, self._payloads = manifest, payloads

    @property
    def size(self) -> int:
        """Its length, which does not depend on the digests."""
        sizes = [(ARTIFACTS + payload.member.name, payload.size) for payload in self._payloads]
        used = sum(len(_header(*entry)) + _padded(entry[1]) for entry in [*sizes, (MANIFEST, len(self._described()))])
        return used + len(_end(used))

    def blocks(self) -> Iterator[bytes]:
        """Its bytes."""
        written = 0
        for payload in self._payloads:
            yield from (head := [_header(ARTIFACTS + payload.member.name, payload.size)])
            yield from payload.blocks()
            yield bytes(_padded(payload.size) - payload.size)
            written += len(head[0]) + _padded(payload.size)
        described = self._described()
        text = _header(MANIFEST, len(described)) + described.ljust(_padded(len(described)), b"\0")
        yield text + _end(written + len(text))

    def _described(self) -> bytes:
        return dump_manifest(self._manifest, {payload.member.name: payload.facts for payload in self._payloads})


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)  # its owner is 0 and its time the epoch unless told otherwise
    entry.size, entry.mode = size, 0o644
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _end(written: int) -> bytes:
    """Two empty blocks, and as many as fill the last record."""
    end = 2 * tarfile.BLOCKSIZE
    return bytes(end + -(written + end) % tarfile.RECORDSIZE)
