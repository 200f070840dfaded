"""`.riva` and `.rmir` files: a tar archive of `artifacts/...` and, last, `manifest.yaml`, which describes them.

The tar is not compressed: weights do not compress (figures in README.md), and plain `tar` opens either kind; gzip is
accepted when reading. The same members and manifest give the same bytes (no times, fixed order and owner), encrypted
payloads aside. The manifest's `sha256` and `size` of an artifact are those of the stored member, so they can be
verified without a key.
"""

import gzip
import hashlib
import io
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from pipelines.archive.damage import GZIP_MAGIC, reading
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.encryption import ENCRYPTED_MAGIC, DecryptingReader
from pipelines.archive.manifest import ARTIFACTS, MANIFEST, MANIFEST_LIMIT, parse_manifest
from pipelines.archive.tar import tar_members
from pipelines.archive.window import Window
from pipelines.archive.writing import Member, write_archive
from pipelines.errors import MissingInput, NotAnArchive, TruncatedArchive

__all__ = ["Archive", "Member", "write_archive"]

_BLOCK = 1 << 20
_COPY_AGAIN = "copy or make the file again"
_NOT_OURS = "a .nemo checkpoint or another tool's archive was given"
_WHAT_MAKES_ONE = "make a .riva with nemo2riva, and an .rmir from it with riva-build"


class Archive(AbstractContextManager["Archive"]):
    """A `.riva` or `.rmir` opened for reading; use as a context manager."""

    def __init__(
        self, path: EncryptedPath, manifest: dict[str, Any], members: Mapping[str, Window], files: ExitStack
    ) -> None:
        self.path, self.manifest = path, manifest
        self._members, self._files = members, files

    @classmethod
    def open(cls, path: EncryptedPath) -> "Archive":
        """Opens an archive, reads its manifest and compares it with the members that are there.

        Raises:
            MissingInput: There is no such file.
            NotAnArchive: It is not a tar archive with a manifest.
            ForeignArchive: NVIDIA's EFF tools wrote it.
            TruncatedArchive: It ends early, or a member is not as long as the manifest says.
            WrongKey: It is encrypted and the key is missing or wrong.
            TamperedArchive: It is encrypted and was changed.
        """
        with ExitStack() as files:
            stream = files.enter_context(_plain(path))
            with reading(path.path):
                members = tar_members(stream, path.path)
                manifest = _manifest(members, path.path)
            _check_members(manifest, members, path.path)
            return cls(path, manifest, members, files.pop_all())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def names(self) -> list[str]:
        """Returns the names of the artifacts, as the manifest lists them."""
        return list(self.manifest["artifacts"])

    def is_encrypted(self, name: str) -> bool:
        """Says whether an artifact is encrypted by itself."""
        return self._stored(name).open().read(len(ENCRYPTED_MAGIC)) == ENCRYPTED_MAGIC

    def open_member(self, name: str) -> IO[bytes]:
        """Opens the plain bytes of an artifact; its digest is not verified (`extract`, `read` and `member` do that).

        Raises:
            MissingInput: The archive has no such artifact.
            WrongKey: The artifact is encrypted and the key is missing or wrong.
        """
        stored = self._stored(name).open()
        if not self.is_encrypted(name):
            return stored
        return io.BufferedReader(DecryptingReader(stored, self.path.key, name=f"{self.path.path}: {name}"), _BLOCK)

    def member(self, name: str) -> Member:
        """Returns an artifact for `write_archive`, which verifies it while it writes.

        An encrypted one authenticates itself as it is decrypted; its digest is that of the encrypted bytes.
        """
        said = self.manifest["artifacts"][name]
        kept = {key: value for key, value in said.items() if key not in ("sha256", "size", "encrypted")}
        sha256 = None if self.is_encrypted(name) else said["sha256"]
        return Member(name, partial(self.open_member, name), attributes=kept, sha256=sha256)

    def read(self, name: str) -> bytes:
        """Returns a small artifact whole, verified."""
        self.verify(name)
        with self.open_member(name) as stream:
            return stream.read()

    def extract(self, name: str, target: Path) -> None:
        """Writes an artifact, verified, to `target`, in constant memory; what turns out to be wrong is removed."""
        try:
            with target.open("wb") as file:
                if self.is_encrypted(name):
                    shutil.copyfileobj(self.open_member(name), file, _BLOCK)
                else:
                    self._hash(name, file)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def verify(self, name: str) -> None:
        """Compares the stored bytes of an artifact with the manifest.

        Raises:
            TruncatedArchive: They differ.
        """
        self._hash(name, None)

    def _hash(self, name: str, copy: IO[bytes] | None) -> None:
        digest = hashlib.sha256()
        stored = self._stored(name).open()
        while block := stored.read(_BLOCK):
            digest.update(block)
            if copy is not None:
                copy.write(block)
        expected = self.manifest["artifacts"][name]["sha256"]
        if digest.hexdigest() != expected:
            raise TruncatedArchive(
                f"{self.path.path}: {name} has sha256 {digest.hexdigest()}, its manifest says {expected}",
                "the file was damaged or changed after it was made",
                "fetch or make it again",
            )

    def _stored(self, name: str) -> Window:
        if name not in self.manifest["artifacts"]:
            raise MissingInput(f"{self.path.path} has no {name}", f"it holds {', '.join(self.names())}")
        return self._members[ARTIFACTS + name]


@contextmanager
def _plain(path: EncryptedPath) -> Iterator[IO[bytes]]:
    """Opens the tar file, whatever lies around it."""
    if not path.path.is_file():
        fix = "check the path; FILE:KEY splits after .riva or .rmir, or else at the last colon"
        raise MissingInput(f"there is no file {path.path}", fix=fix)
    with path.path.open("rb") as file:
        magic = file.read(len(ENCRYPTED_MAGIC))
        file.seek(0)
        if magic == ENCRYPTED_MAGIC:
            yield io.BufferedReader(DecryptingReader(file, path.key, name=str(path.path)), _BLOCK)
        elif magic.startswith(GZIP_MAGIC):
            with gzip.GzipFile(fileobj=file) as plain:
                yield cast(IO[bytes], plain)
        else:
            yield file


def _manifest(members: Mapping[str, Window], path: Path) -> dict[str, Any]:
    window = members.get(MANIFEST)
    if window is None:
        raise NotAnArchive(f"{path} is a tar archive without a {MANIFEST}", _NOT_OURS, _WHAT_MAKES_ONE)
    if window.size > MANIFEST_LIMIT:
        raise NotAnArchive(f"{path}: {MANIFEST} has {window.size:,} bytes", _NOT_OURS, _WHAT_MAKES_ONE)
    return parse_manifest(window.open().read(), path)


def _check_members(manifest: Mapping[str, Any], members: Mapping[str, Window], path: Path) -> None:
    expected = {ARTIFACTS + name: said["size"] for name, said in manifest["artifacts"].items()}
    found = {name: window.size for name, window in members.items() if name != MANIFEST}
    for name in sorted({*expected, *found}):
        if expected.get(name) != found.get(name):
            raise TruncatedArchive(
                f"{path}: {name} has {found.get(name, 'no')} bytes, the manifest says {expected.get(name, 'none')}",
                "a part was lost, added or changed after the archive was made",
                _COPY_AGAIN,
            )
