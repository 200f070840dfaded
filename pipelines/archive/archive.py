"""`.riva` and `.rmir` files: a tar archive with `manifest.yaml` first and everything else below `artifacts/`.

The tar is not compressed: weights do not compress, and plain `tar` opens either kind; gzip is accepted when reading.
The same members and manifest give the same bytes (no times, fixed order and owner), encrypted payloads aside. The
manifest's `sha256` and `size` of an artifact are those of the stored member, so they can be verified without a key.
"""

import hashlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import yaml

from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import (
    ENCRYPTED_MAGIC,
    DecryptingReader,
    EncryptingWriter,
    Key,
    Sealing,
)
from pipelines.errors import MissingInput, NotAnArchive, TruncatedArchive
from pipelines.outputs import atomic_file

__all__ = ["Archive", "Member", "write_archive"]

MANIFEST = "manifest.yaml"
ARTIFACTS = "artifacts/"
_BLOCK = 1 << 20
_MANIFEST_LIMIT = 64 << 20  # a manifest is kilobytes; a hostile one must not fill the memory
_LFS_MAGIC = b"version https://git-lfs"


@dataclass(frozen=True)
class Member:
    """One artifact to be written.

    Args:
        name: Its name below `artifacts/`.
        source: A file, the bytes themselves, or a function that opens a fresh stream of them (called twice).
        encrypt: Whether to encrypt this member alone with the archive's key.
        attributes: What the manifest says of it besides its digest and size.
    """

    name: str
    source: Path | bytes | Callable[[], IO[bytes]]
    encrypt: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)

    def open(self) -> IO[bytes]:
        """Opens a fresh stream of the plain bytes."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        return self.source.open("rb") if isinstance(self.source, Path) else self.source()


class Archive(AbstractContextManager["Archive"]):
    """A `.riva` or `.rmir` opened for reading; use as a context manager."""

    def __init__(self, path: EncryptedPath, tar: tarfile.TarFile, manifest: dict[str, Any], files: ExitStack) -> None:
        self.path, self.manifest = path, manifest
        self._tar, self._files = tar, files

    @classmethod
    def open(cls, path: EncryptedPath) -> "Archive":
        """Opens an archive and reads its manifest.

        Raises:
            MissingInput: There is no such file.
            NotAnArchive: It is not a tar archive with a manifest.
            TruncatedArchive: It ends early or lacks an artifact of its manifest.
            WrongKey: It is encrypted and the key is missing or wrong.
        """
        with ExitStack() as files:
            stream = files.enter_context(_plain(path))
            try:
                tar = files.enter_context(tarfile.open(fileobj=stream, mode="r:*"))
                manifest = _manifest(tar, path.path)
            except (tarfile.TarError, EOFError, OSError) as error:
                raise _unreadable(path.path, error) from error
            archive = cls(path, tar, manifest, files.pop_all())
        archive._check_members()
        return archive

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def names(self) -> list[str]:
        """Returns the names of the artifacts, as the manifest lists them."""
        return list(self.manifest.get("artifacts", {}))

    def open_member(self, name: str) -> IO[bytes]:
        """Opens the plain bytes of an artifact; its digest is not verified (`extract` and `read` do that).

        Raises:
            MissingInput: The archive has no such artifact.
            WrongKey: The artifact is encrypted and the key is missing or wrong.
        """
        stored = self._stored(name)
        magic = stored.read(len(ENCRYPTED_MAGIC))
        stored.seek(0)
        if magic != ENCRYPTED_MAGIC:
            return stored
        return io.BufferedReader(DecryptingReader(stored, self.path.key, name=f"{self.path.path}: {name}"), _BLOCK)

    def read(self, name: str) -> bytes:
        """Returns a small artifact whole, verified."""
        self.verify(name)
        with self.open_member(name) as stream:
            return stream.read()

    def extract(self, name: str, target: Path) -> None:
        """Writes an artifact, verified, to `target`, in constant memory."""
        self.verify(name)
        with self.open_member(name) as stream, target.open("wb") as file:
            shutil.copyfileobj(stream, file, _BLOCK)

    def verify(self, name: str) -> None:
        """Compares the stored bytes of an artifact with the manifest.

        Raises:
            TruncatedArchive: They differ.
        """
        expected = self.manifest["artifacts"][name].get("sha256") if name in self.names() else None
        with self._stored(name) as stored:
            found = hashlib.file_digest(cast(io.BufferedReader, stored), "sha256").hexdigest()
        if expected is not None and found != expected:
            raise TruncatedArchive(
                f"{self.path.path}: {name} has sha256 {found}, its manifest says {expected}",
                "the file was damaged or changed after it was made",
                "fetch or make it again",
            )

    def _stored(self, name: str) -> IO[bytes]:
        try:
            stored = self._tar.extractfile(ARTIFACTS + name)
        except KeyError:
            stored = None
        if stored is None:
            raise MissingInput(f"{self.path.path} has no {name}", f"it holds {', '.join(self.names())}")
        return stored

    def _check_members(self) -> None:
        for name, facts in self.manifest.get("artifacts", {}).items():
            try:
                member = self._tar.getmember(ARTIFACTS + name)
            except (KeyError, tarfile.TarError, EOFError) as error:
                raise _unreadable(self.path.path, error) from error
            size = facts.get("size", member.size) if isinstance(facts, dict) else member.size
            if not member.isfile() or member.size != size:
                raise TruncatedArchive(f"{self.path.path}: {name} has {member.size} bytes, its manifest says {size}")


def write_archive(
    path: Path,
    manifest: dict[str, Any],
    members: Iterable[Member],
    *,
    key: Key | None = None,
    whole: bool = False,
    force: bool = False,
) -> None:
    """Writes an archive: every member's digest first, then manifest and members in one stream.

    Args:
        path: The archive to make; it appears complete or not at all.
        manifest: Everything but `artifacts`, which is added.
        members: The artifacts, in the order in which they are stored.
        key: The key of the members that ask for encryption, or of the whole file.
        whole: Whether to encrypt the whole file instead of members.
        force: Whether to replace an existing file.

    Raises:
        OutputError: The output exists, is being written by another process, or cannot be written.
    """
    with atomic_file(path, force=force) as temporary:
        payloads = [
            _Payload(member, Sealing(key) if key and member.encrypt and not whole else None) for member in members
        ]
        described = {payload.member.name: payload.describe() for payload in payloads}
        head = yaml.safe_dump({**manifest, "artifacts": described}, sort_keys=False, allow_unicode=True).encode()
        with temporary.open("wb") as file:
            if whole and key is not None:
                encrypting = EncryptingWriter(file, key)
                _write_tar(encrypting, head, payloads)
                encrypting.finish()
            else:
                _write_tar(file, head, payloads)


class _Payload:
    """A member as it will be stored, encrypted or not; measured once and streamed once."""

    def __init__(self, member: Member, sealing: Sealing | None) -> None:
        self.member, self._sealing, self.size = member, sealing, 0

    def chunks(self) -> Iterator[bytes]:
        with self.member.open() as stream:
            if self._sealing is not None:
                yield from self._sealing.chunks(stream)
                return
            while block := stream.read(_BLOCK):
                yield block

    def describe(self) -> dict[str, Any]:
        digest, self.size = hashlib.sha256(), 0
        for chunk in self.chunks():
            digest.update(chunk)
            self.size += len(chunk)
        facts = {**self.member.attributes, "sha256": digest.hexdigest(), "size": self.size}
        return {**facts, "encrypted": True} if self._sealing is not None else facts


class _ChunkReader(io.RawIOBase):
    """The stream that tarfile copies a member from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _write_tar(file: Any, manifest: bytes, payloads: list[_Payload]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(_entry(MANIFEST, len(manifest)), io.BytesIO(manifest))
        for payload in payloads:
            reader = io.BufferedReader(_ChunkReader(payload.chunks()), _BLOCK)
            tar.addfile(_entry(ARTIFACTS + payload.member.name, payload.size), reader)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)  # its owner is 0 and its time the epoch unless told otherwise
    entry.size, entry.mode = size, 0o644
    return entry


@contextmanager
def _plain(path: EncryptedPath) -> Iterator[IO[bytes]]:
    if not path.path.is_file():
        fix = "check the path; FILE:KEY splits at the last colon"
        raise MissingInput(f"there is no file {path.path}", fix=fix)
    with path.path.open("rb") as file:
        magic = file.read(len(ENCRYPTED_MAGIC))
        file.seek(0)
        if magic == ENCRYPTED_MAGIC:
            yield io.BufferedReader(DecryptingReader(file, path.key, name=str(path.path)), _BLOCK)
        else:
            yield file


def _manifest(tar: tarfile.TarFile, path: Path) -> dict[str, Any]:
    try:
        member = tar.getmember(MANIFEST)
        stream = tar.extractfile(member)
        if stream is None or member.size > _MANIFEST_LIMIT:
            raise KeyError(MANIFEST)
        manifest = yaml.safe_load(stream.read())
    except (KeyError, yaml.YAMLError) as error:
        raise NotAnArchive(
            f"{path} is a tar archive without a readable {MANIFEST}",
            "a .nemo checkpoint or another tool's archive was given",
            "make a .riva with nemo2riva, and an .rmir from it with riva-build",
        ) from error
    if not isinstance(manifest, dict):
        raise NotAnArchive(f"{path}: {MANIFEST} is not a mapping")
    return manifest


def _unreadable(path: Path, error: Exception) -> NotAnArchive | TruncatedArchive:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(_LFS_MAGIC):
        return NotAnArchive(f"{path} is a Git LFS pointer, not the file itself", fix="run `git lfs pull`")
    if head[257:262] == b"ustar" or head[:2] == b"\x1f\x8b" or head.startswith(ENCRYPTED_MAGIC):
        return TruncatedArchive(f"{path} ends too early or is damaged: {error}", fix="copy or make the file again")
    return NotAnArchive(f"{path} is not a .riva or .rmir archive", fix="check which file was named")
