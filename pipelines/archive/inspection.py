"""What `riva-archive` tells of archives: whether their bytes are those that were written, and how two differ."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, cast

from pipelines.archive.archive import Archive
from pipelines.errors import RivaError, WrongKey

__all__ = ["Check", "Difference", "check_artifacts", "differences"]

_STORAGE = ("sha256", "size", "encrypted")  # of an artifact: how it lies there, not what it is


@dataclass(frozen=True, kw_only=True)
class Check:
    """What became of one artifact.

    Args:
        name: The artifact.
        error: Why it cannot be used, or None.
        opened: Whether its plain bytes were read; without the key of an encrypted artifact only the stored ones are.
    """

    name: str
    error: RivaError | None = None
    opened: bool = True


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A place where two archives differ; None where one of them has nothing."""

    where: str
    first: object = None
    second: object = None


def check_artifacts(archive: Archive) -> Iterator[Check]:
    """Reads every artifact whole: its digest, and through its encryption where there is a key."""
    for name in archive.names():
        try:
            archive.verify(name)
            opened = archive.path.key is not None or not archive.is_encrypted(name)
            if opened:
                _digest(archive.open_member(name))
        except RivaError as error:
            yield Check(name=name, error=error)
        else:
            yield Check(name=name, opened=opened)


def differences(first: Archive, second: Archive) -> Iterator[Difference]:
    """Yields where two archives differ, by what they hold: encrypted artifacts are compared in plain.

    Raises:
        WrongKey: An artifact is encrypted, its key is missing, and the stored bytes do not tell.
    """
    yield from _between("", _facts(first.manifest), _facts(second.manifest))
    artifacts = first.manifest["artifacts"], second.manifest["artifacts"]
    for name in dict.fromkeys([*first.names(), *second.names()]):
        one, other = (described.get(name) for described in artifacts)
        if one is None or other is None:
            yield Difference(where=f"artifacts.{name}", first=_size(one), second=_size(other))
            continue
        yield from _between(f"artifacts.{name}.", _described(one), _described(other))
        if one["sha256"] != other["sha256"]:
            digests = [_content(archive, name) for archive in (first, second)]
            if digests[0] != digests[1]:
                yield Difference(where=f"artifacts.{name}.sha256", first=digests[0], second=digests[1])


def _facts(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key != "artifacts"}


def _described(artifact: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in artifact.items() if key not in _STORAGE}


def _size(artifact: Mapping[str, Any] | None) -> str | None:
    return None if artifact is None else f"{artifact['size']:,} bytes"


def _between(prefix: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for key in dict.fromkeys([*one, *other]):
        first, second = one.get(key), other.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            yield from _between(f"{prefix}{key}.", first, second)
        elif first != second:
            yield Difference(where=f"{prefix}{key}", first=first, second=second)


def _content(archive: Archive, name: str) -> str:
    """Digest of the plain bytes."""
    if not archive.is_encrypted(name):
        return str(archive.manifest["artifacts"][name]["sha256"])
    if archive.path.key is None:
        fix = "give the keys of both archives (FILE:KEY) to compare what is inside"
        raise WrongKey(f"{archive.path.path}: {name} is encrypted, and no key was given", fix=fix)
    return _digest(archive.open_member(name))


def _digest(stream: IO[bytes]) -> str:
    return hashlib.file_digest(cast(Any, stream), "sha256").hexdigest()
