"""A `.nemo` checkpoint, read without executing anything in it.

A checkpoint is hostile until read: NeMo unpickles its weights and instantiates whatever its configuration names. Here
it is only a tar file whose headers are read by `tar_headers`; what is wrong with a member is kept in `defects`, and
such a member can neither be listed nor opened. The configuration is plain YAML.
"""

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from pipelines.archive.inflated import Bomb, Hidden, inflate
from pipelines.archive.plain_yaml import load_plain
from pipelines.archive.regular_file import open_regular
from pipelines.archive.tar_headers import Damaged, Defect, TarMember, read_headers
from pipelines.archive.window import Window
from pipelines.errors import BrokenCheckpoint, NotAnArchive, OutputFailed, TruncatedArchive, UnsafeCheckpoint

__all__ = ["CONFIG", "NEMO_REFERENCE", "WEIGHTS", "Artifact", "NemoCheckpoint", "normalise_target"]

CONFIG = "model_config.yaml"
WEIGHTS = "model_weights.ckpt"
NEMO_REFERENCE = "nemo:"  # a configuration value `nemo:NAME` means the member NAME (NeMo's register_artifact)

_GZIP_MAGIC = b"\x1f\x8b"
_TAR_MAGIC, _TAR_MAGIC_OFFSET = b"ustar", 257
_OTHER_KINDS = {  # how files begin that people take for a checkpoint
    b"PK\3\4": "a zip file, such as torch.save writes",
    b"\x80": "a bare pickle, such as old versions of torch write",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x89HDF": "an HDF5 file",
}
_MADE_OTHERWISE = "NeMo never writes such an archive: it was made or changed by something else"
_DO_NOT_USE = "do not use this file; ask its maker for the checkpoint that save_to() wrote"
_LFS_POINTER = b"version https://git-lfs"
_HEADER = 512
_READ_LIMIT = 64 << 20  # bytes of a member that is read whole
_COPY_BLOCK = 1 << 20


@dataclass(frozen=True)
class Artifact:
    """A file that the configuration refers to."""

    key: str
    """Dotted place in the configuration, for example `tokenizer.model_path`."""

    member: str
    """Name of the member in the archive."""


def normalise_target(target: str) -> str:
    """Returns a class path as Riva's schemas spell it: the module after `models` is left out.

    Source: nemo2riva 2.16, schema.py. `nemo.collections.asr.models.ctc_models.EncDecCTCModel` becomes
    `nemo.collections.asr.models.EncDecCTCModel`; a path without `models` stays as it is.
    """
    parts = target.split(".")
    return ".".join([*parts[: parts.index("models") + 1], parts[-1]]) if "models" in parts[:-1] else target


class NemoCheckpoint(AbstractContextManager["NemoCheckpoint"]):
    """A `.nemo` opened for reading; use as a context manager.

    Attributes:
        path: The file.
        defects: What is wrong with members that were refused; they are not among `names()`.
    """

    def __init__(self, path: Path, file: IO[bytes], found: list[TarMember | Defect], closing: ExitStack) -> None:
        self.path, self._file, self._closing = path, file, closing
        self._members = {member.name: member for member in found if isinstance(member, TarMember)}
        self.defects = tuple(defect for defect in found if isinstance(defect, Defect))

    @classmethod
    def open(cls, path: Path, *, with_defects: bool = False) -> "NemoCheckpoint":
        """Opens a checkpoint and looks at every member's header.

        A plain tar is read in place. A gzip file is unpacked into a temporary file, for which there must be room.

        Args:
            path: The file.
            with_defects: Keep what is wrong with members for the caller to report, instead of raising it.

        Raises:
            UnsafeCheckpoint: It has a member that NeMo would never write.
            MissingInput: There is no such file, or it may not be read.
            NotAnArchive: It is not a tar file (plain or gzip), or not a file at all.
            TruncatedArchive: It ends early, is damaged, or expands without end.
            OutputFailed: There is no room for a gzip file unpacked.
        """
        with ExitStack() as stack:
            file = stack.enter_context(open_regular(path))
            head = file.read(_HEADER)
            file.seek(0)
            try:
                if head.startswith(_GZIP_MAGIC):
                    file = stack.enter_context(inflate(file, _size(file)))
                found = list(read_headers(file, _size(file)))
            except Bomb as error:
                raise TruncatedArchive(f"{path} is a gzip bomb: {error}", fix=_DO_NOT_USE) from error
            except (Damaged, Hidden, EOFError, zlib.error) as error:
                raise _unreadable(path, head, error) from error
            except OSError as error:
                what = f"{path} cannot be unpacked in {tempfile.gettempdir()}: {error.strerror}"
                raise OutputFailed(what, fix="free space there, or set TMPDIR to a larger disk") from error
            checkpoint = cls(path, file, found, stack.pop_all())
        for defect in () if with_defects else checkpoint.defects:
            checkpoint.close()
            raise UnsafeCheckpoint(f"{path}: {defect}", _MADE_OTHERWISE, _DO_NOT_USE)
        return checkpoint

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._closing.close()

    def names(self) -> list[str]:
        """Returns the members' names, without a leading `./`, in the order of the archive."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Returns the size of a member in bytes."""
        return self._members[name].size

    def window(self, name: str) -> Window:
        """Returns where the bytes of a member lie, in the file or in its unpacked copy.

        Raises:
            BrokenCheckpoint: There is no such member.
        """
        if name not in self._members:
            raise BrokenCheckpoint(
                f"{self.path} has no {name}",
                f"it holds {', '.join(self._members) or 'nothing'}",
                "save the model again with NeMo's save_to()",
            )
        member = self._members[name]
        return Window(self._file, member.offset, member.size, self.path)

    def open_member(self, name: str) -> IO[bytes]:
        """Opens a member for reading.

        Raises:
            BrokenCheckpoint: There is no such member.
        """
        return self.window(name).open()

    def read(self, name: str) -> bytes:
        """Returns a small member whole.

        Raises:
            BrokenCheckpoint: There is no such member, or it is larger than 64 MiB.
        """
        if name in self._members and self.size(name) > _READ_LIMIT:
            raise BrokenCheckpoint(f"{self.path}: {name} has {self.size(name)} bytes, more than {_READ_LIMIT}")
        with self.open_member(name) as stream:
            return stream.read()

    def unpack(self, folder: Path) -> None:
        """Copies the members into `folder`, in constant memory."""
        for name in self._members:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.open_member(name) as stream, target.open("wb") as file:
                shutil.copyfileobj(stream, file, _COPY_BLOCK)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model configuration.

        Raises:
            BrokenCheckpoint: It is missing, not a mapping, or not plain YAML of a reasonable size.
            UnsafeCheckpoint: It asks for an object that is not plain data.
        """
        config = load_plain(self.read(CONFIG), name=f"{self.path}: {CONFIG}")
        if not isinstance(config, dict):
            raise BrokenCheckpoint(f"{self.path}: {CONFIG} is not a mapping but {type(config).__name__}")
        return config

    @property
    def target(self) -> str:
        """The model class as the configuration names it, or an empty string."""
        return str(self.config.get("target") or "")

    @property
    def obj_cls(self) -> str:
        """The model class as Riva's schemas spell it."""
        return normalise_target(self.target)

    @property
    def nemo_version(self) -> str:
        """The NeMo version that saved the checkpoint, or an empty string."""
        return str(self.config.get("nemo_version") or "")

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Files that the configuration refers to with `nemo:`, whether the archive has them or not."""
        return tuple(
            Artifact(key, value.removeprefix(NEMO_REFERENCE))
            for key, value in _leaves(self.config)
            if isinstance(value, str) and value.startswith(NEMO_REFERENCE)
        )


def _leaves(node: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _leaves(child, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _leaves(child, f"{key}.{index}")
    else:
        yield key, node


def _size(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def _unreadable(path: Path, head: bytes, error: Exception) -> NotAnArchive | TruncatedArchive:
    """Says what kind of file it is, from how it begins and what went wrong."""
    if head.startswith(_LFS_POINTER):
        return NotAnArchive(
            f"{path} is a Git LFS pointer, not the checkpoint itself",
            "the repository was cloned without its large files",
            f"run `git lfs pull --include={path.name}`",
        )
    if head.startswith(_GZIP_MAGIC) or head[_TAR_MAGIC_OFFSET:].startswith(_TAR_MAGIC):
        fix = "copy or download the checkpoint again, and compare its size with the original"
        return TruncatedArchive(f"{path} ends too early or is damaged: {error}", fix=fix)
    kind = next((kind for magic, kind in _OTHER_KINDS.items() if head.startswith(magic)), "")
    return NotAnArchive(
        f"{path} is not a .nemo checkpoint: it is {kind or 'neither a tar nor a gzip archive' if head else 'empty'}",
        "another kind of file was named, or a download saved an error page",
        "name the .nemo file that NeMo's save_to() wrote",
    )
