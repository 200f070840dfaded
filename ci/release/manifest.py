"""The release manifest: what a version of a model consists of, what it was made of and with, and how it was judged."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ci.checked_yaml import load_checked
from ci.errors import BadYaml, NoSuchRelease, ReleaseDamaged

__all__ = ["Manifest", "Part", "ReleasedFile", "manifest_name", "model_of_manifest"]

SCHEMA = Path(__file__).with_name("manifest.schema.yaml")
_NAME = re.compile(r"(?P<model>[A-Za-z0-9][A-Za-z0-9._-]*)-(?P<version>\d+\.\d+\.\d+)\.manifest\.json")


@dataclass(frozen=True)
class Part:
    """An asset: a file, or a part of one.

    Attributes:
        asset: Its name in the release.
        size: Bytes.
        sha256: Of its content.
    """

    asset: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ReleasedFile:
    """An RMIR of a release.

    Attributes:
        file: Its name where it is installed.
        asset: Its name in the release.
        size: Bytes.
        sha256: Of its content.
        parts: The assets that hold it, in order.
    """

    file: str
    asset: str
    size: int
    sha256: str
    parts: tuple[Part, ...]

    @property
    def is_split(self) -> bool:
        """Whether it has to be joined."""
        return len(self.parts) > 1


@dataclass(frozen=True)
class Manifest:
    """A release manifest.

    Attributes:
        data: What the schema describes, as JSON.
    """

    data: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Reads a manifest.

        Raises:
            ReleaseDamaged: It cannot be read, or breaks the schema.
        """
        try:
            return cls(load_checked(path, schema=SCHEMA))
        except BadYaml as error:
            raise ReleaseDamaged(error.what, why="it is no release manifest that this version understands") from error

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.data["model"])

    @property
    def version(self) -> str:
        """The model's version."""
        return str(self.data["version"])

    @property
    def name(self) -> str:
        """What the asset is called."""
        return manifest_name(self.model, self.version)

    @cached_property
    def files(self) -> Mapping[str, tuple[ReleasedFile, ...]]:
        """The RMIRs, by target."""
        return {target: tuple(map(_file, entry["files"])) for target, entry in self.data["targets"].items()}

    @property
    def assets(self) -> Iterator[Part]:
        """The assets that hold the RMIRs."""
        for files in self.files.values():
            for file in files:
                yield from file.parts

    def digests(self) -> dict[str, dict[str, str]]:
        """What must never change once it is published: the digest of each RMIR, by target and name."""
        return {target: {each.file: each.sha256 for each in files} for target, files in self.files.items()}

    def files_for(self, target: str | None) -> tuple[str, tuple[ReleasedFile, ...]]:
        """The target and its RMIRs; None chooses where there is one only.

        Raises:
            NoSuchRelease: The release has nothing for that target, or several and none was chosen.
        """
        chosen = target or (next(iter(self.files)) if len(self.files) == 1 else "")
        if chosen not in self.files:
            raise NoSuchRelease(
                f"{self.model} {self.version} has nothing for {target}"
                if target
                else f"{self.model} {self.version} is for several targets",
                fix=f"choose with --target: {', '.join(self.files)}",
            )
        return chosen, self.files[chosen]

    def as_json(self) -> str:
        """The text of the asset."""
        return json.dumps(self.data, indent=2, ensure_ascii=False) + "\n"


def manifest_name(model: str, version: str) -> str:
    """The name of the asset that holds a manifest."""
    return f"{model}-{version}.manifest.json"


def model_of_manifest(asset: str) -> tuple[str, str] | None:
    """Model and version, if an asset of that name is a manifest."""
    match = _NAME.fullmatch(asset)
    return (match["model"], match["version"]) if match else None


def _file(entry: Mapping[str, Any]) -> ReleasedFile:
    parts: Sequence[Mapping[str, Any]] = entry["parts"]
    return ReleasedFile(
        file=entry["file"],
        asset=entry["asset"],
        size=entry["size"],
        sha256=entry["sha256"],
        parts=tuple(Part(each["asset"], each["size"], each["sha256"]) for each in parts),
    )
