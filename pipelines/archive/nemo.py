"""A `.nemo` checkpoint, read without executing anything in it.

A checkpoint is hostile until read: NeMo unpickles its weights and instantiates whatever its configuration names. Here
it is only a tar file: members are listed and refused if their names could write elsewhere, the configuration is plain
YAML, and what NeMo is shown later is a folder with copies of the members and nothing else.
"""

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

import yaml

from pipelines.errors import BrokenCheckpoint, MissingInput, NotAnArchive, TruncatedArchive

__all__ = ["CONFIG", "Artifact", "NemoCheckpoint", "normalise_target"]

CONFIG = "model_config.yaml"
WEIGHTS = "model_weights.ckpt"
NEMO_REFERENCE = "nemo:"  # a configuration value `nemo:NAME` means the member NAME (NeMo's register_artifact)
LFS_POINTER = b"version https://git-lfs"

_CONFIG_LIMIT = 64 << 20  # vocabularies are kilobytes; a configuration beyond this is an attack or an accident
_MEMBER_LIMIT = 10_000
_NODE_LIMIT = 2_000_000  # YAML aliases can make a small file expand without end
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
    """A `.nemo` opened for reading; use as a context manager."""

    def __init__(self, path: Path, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> None:
        self.path, self._tar, self._members = path, tar, members

    @classmethod
    def open(cls, path: Path) -> "NemoCheckpoint":
        """Opens a checkpoint and looks at every member's header.

        Raises:
            MissingInput: There is no such file.
            NotAnArchive: It is not a tar file (plain or gzip), or a Git LFS pointer that was not pulled.
            TruncatedArchive: It ends early.
            BrokenCheckpoint: A member is a link or device, or its name leaves the archive.
        """
        if not path.is_file():
            raise MissingInput(f"there is no file {path}", fix="check the path of the checkpoint")
        with ExitStack() as files:
            try:
                tar = files.enter_context(tarfile.open(path, "r:*"))
                members = _safe_members(path, tar)
            except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
                raise _unreadable(path, error) from error
            files.pop_all()
        return cls(path, tar, members)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()

    def names(self) -> list[str]:
        """Returns the members' names, without a leading `./`, in the order of the archive."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Returns the size of a member in bytes."""
        return self._members[name].size

    def open_member(self, name: str) -> IO[bytes]:
        """Opens a member for reading.

        Raises:
            BrokenCheckpoint: There is no such member.
        """
        stream = self._tar.extractfile(self._members[name]) if name in self._members else None
        if stream is None:
            raise BrokenCheckpoint(
                f"{self.path} has no {name}",
                f"it holds {', '.join(self._members) or 'nothing'}",
                "save the model again with NeMo's save_to()",
            )
        return stream

    def read(self, name: str) -> bytes:
        """Returns a small member whole."""
        with self.open_member(name) as stream, _reading(self.path):
            return stream.read()

    def unpack(self, folder: Path, *, without: tuple[str, ...] = ()) -> None:
        """Copies the members into `folder`, in constant memory."""
        for name in self._members:
            if name in without:
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.open_member(name) as stream, target.open("wb") as file, _reading(self.path):
                shutil.copyfileobj(stream, file, _COPY_BLOCK)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model configuration.

        Raises:
            BrokenCheckpoint: It is missing, too large, not plain YAML, or not a mapping.
        """
        with self.open_member(CONFIG) as stream, _reading(self.path):
            text = stream.read(_CONFIG_LIMIT + 1)
        if len(text) > _CONFIG_LIMIT:
            raise BrokenCheckpoint(f"{self.path}: {CONFIG} is larger than {_CONFIG_LIMIT >> 20} MiB")
        try:
            config = yaml.load(text, Loader=_SAFE_LOADER)  # noqa: S506 (a safe loader, in C where there is one)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            fix = "save the model again with NeMo's save_to()"
            raise BrokenCheckpoint(f"{self.path}: {CONFIG} is not plain YAML: {error}", fix=fix) from error
        if not isinstance(config, dict):
            raise BrokenCheckpoint(f"{self.path}: {CONFIG} is not a mapping but {type(config).__name__}")
        _check_expansion(self.path, config)
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


_SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _safe_members(path: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    members: dict[str, tarfile.TarInfo] = {}
    for count, member in enumerate(tar):
        if count >= _MEMBER_LIMIT:
            raise BrokenCheckpoint(f"{path} has more than {_MEMBER_LIMIT} members", "a checkpoint has a few dozen")
        if member.isdir():
            continue
        name = PurePosixPath(member.name)
        problem = (
            "is not a regular file"
            if not member.isfile()
            else "has an absolute name"
            if name.is_absolute()
            else "has a name that leaves the archive"
            if ".." in name.parts or "\\" in member.name or "\0" in member.name
            else "occurs twice"
            if str(name) in members
            else ""
        )
        if problem:
            raise BrokenCheckpoint(
                f"{path}: member {member.name!r} {problem}",
                "NeMo never writes such a member: the archive was made or changed by something else",
                "do not use this file; ask its maker for the checkpoint that save_to() wrote",
            )
        members[str(name)] = member
    return members


def _check_expansion(path: Path, config: object) -> None:
    """Refuses a configuration whose YAML aliases expand to more than any model has (NeMo would expand them)."""
    weights: dict[int, int] = {}

    def weigh(node: object, above: tuple[int, ...]) -> int:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        if id(node) in above:
            raise BrokenCheckpoint(f"{path}: {CONFIG} contains itself through a YAML alias")
        if children and id(node) not in weights:
            weights[id(node)] = sum(weigh(child, (*above, id(node))) for child in children)
        return 1 + weights.get(id(node), 0)

    if weigh(config, ()) > _NODE_LIMIT:
        raise BrokenCheckpoint(f"{path}: {CONFIG} expands to more than {_NODE_LIMIT} values through YAML aliases")


def _leaves(node: object, key: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield from _leaves(child, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from _leaves(child, f"{key}.{index}")
    else:
        yield key, node


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Translates what tarfile and gzip raise while the payload of a member is read."""
    try:
        yield
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> NotAnArchive | TruncatedArchive:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(LFS_POINTER):
        return NotAnArchive(
            f"{path} is a Git LFS pointer, not the checkpoint itself",
            "the repository was cloned without its large files",
            f"run `git lfs pull --include={path.name}`",
        )
    if head[257:262] == b"ustar" or head[:2] == b"\x1f\x8b":
        fix = "copy or download the checkpoint again, and compare its size with the original"
        reason = str(error).partition(":\n")[0]  # tarfile adds a line for each compression it tried
        return TruncatedArchive(f"{path} ends too early or is damaged: {reason}", fix=fix)
    return NotAnArchive(
        f"{path} is not a .nemo checkpoint: it is neither a tar nor a gzip archive",
        "another kind of file was named, or a download saved an error page",
        "name the .nemo file that NeMo's save_to() wrote",
    )
