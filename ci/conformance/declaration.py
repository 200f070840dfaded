"""What a server is meant to be, as the `pipeline.yaml` of its checkpoints says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ci.checked_yaml import load_checked

__all__ = ["Declaration"]

SCHEMA = Path(__file__).with_name("declaration.schema.yaml")


@dataclass(frozen=True)
class Declaration:
    """What the server is meant to be.

    Attributes:
        pipelines: The pipelines of riva-build behind it; None if that is not declared.
        pairs: (language, mode) of every model that must be listed, and no other; None if nothing is declared.
        limits: Error rates by name.
        profane_words: Words of the evaluation set that the profanity filter masks.
        folders: The checkpoints' folders, where evaluation sets and known failures are.
    """

    pipelines: frozenset[str] | None = None
    pairs: frozenset[tuple[str, str]] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    profane_words: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Declaration":
        """Reads a `pipeline.yaml`, and those of the checkpoints that are served `with` it.

        Raises:
            BadYaml: A file cannot be read or is malformed.
        """
        data = load_checked(path, schema=SCHEMA)
        declaration = cls(
            frozenset({data["pipeline"]}) if "pipeline" in data else None,
            frozenset((data["language"], mode) for mode in data["builds"]),
            data.get("accuracy", {}),
            tuple(data.get("profane_words", ())),
            (path.parent,),
        )
        for name in data.get("with", ()):  # folders beside its own
            declaration += cls.read(path.parent.parent / name / path.name)
        return declaration

    def __add__(self, other: "Declaration") -> "Declaration":
        return Declaration(
            _union(self.pipelines, other.pipelines),
            _union(self.pairs, other.pairs),
            {**self.limits, **other.limits},
            self.profane_words + other.profane_words,
            self.folders + other.folders,
        )


Members = TypeVar("Members")


def _union(first: frozenset[Members] | None, second: frozenset[Members] | None) -> frozenset[Members] | None:
    return None if first is None or second is None else first | second
