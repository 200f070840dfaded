"""What a pipeline.yaml declares about its checkpoint: the names and the target that a verdict is asked about.

The file is written by people and checked against its schema elsewhere (`ci/pipeline`); here only what a verdict needs
is read, and what is not there is simply not asked.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from pipelines.archive.values import section, text, texts
from pipelines.errors import MissingInput, UsageError
from pipelines.verdict.claims import Name
from pipelines.verdict.waivers import Waiver

__all__ = ["Declaration"]

FILE = "pipeline.yaml"
_LIMIT = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What is declared.

    Args:
        names: Names that the checkpoint goes by there.
        pipeline: The pipeline of riva-build; empty if none is named.
        riva_version: The Riva that must be able to load the export; empty if none is named.
        targets: What engines are built for; empty if none is named.
        waivers: Advisories that are accepted for a while.
    """

    names: tuple[Name, ...] = ()
    pipeline: str = ""
    riva_version: str = ""
    targets: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @classmethod
    def beside(cls, checkpoint: Path) -> "Declaration":
        """The declaration in the checkpoint's folder, if it is about this very file; otherwise nothing is declared."""
        path = checkpoint.parent / FILE
        if not path.is_file():
            return cls()
        declared = text(section(_load(path), "checkpoint"), "path")
        return cls.read(path) if declared and (path.parent / declared).resolve() == checkpoint.resolve() else cls()

    @classmethod
    def read(cls, path: Path) -> "Declaration":
        """Reads a pipeline.yaml.

        Raises:
            MissingInput: There is no such file.
            UsageError: It is not YAML, or a waiver in it lacks a part.
        """
        data = _load(path)
        builds, language = section(data, "builds"), text(data, "language")
        named = {f"builds.{mode}.name of {path.name}": text(section(builds, mode), "name") for mode in builds}
        return cls(
            names=(
                Name(path.resolve().parent.name, "folder"),
                *(Name(name, where) for where, name in named.items() if name),
                *([Name(language, f"language of {path.name}", language=True)] if language else []),
            ),
            pipeline=text(data, "pipeline"),
            riva_version=str(section(data, "export").get("riva-version") or ""),
            targets=texts(data, "targets"),
            waivers=_waivers(data, path),
        )


def _load(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            data = yaml.safe_load(file.read(_LIMIT))
    except FileNotFoundError as error:
        raise MissingInput(f"there is no {path}", fix="name the pipeline.yaml of the checkpoint") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}", fix="correct it, or name another file") from error
    return data if isinstance(data, dict) else {}


def _waivers(data: dict[str, object], path: Path) -> tuple[Waiver, ...]:
    entries = data.get("waivers")
    if not isinstance(entries, list):
        return ()
    try:
        return tuple(Waiver.parse(f"{each['advisory']}:{each['expires']}:{each['reason']}") for each in entries)
    except (KeyError, TypeError) as error:
        fix = "write {advisory: ID, expires: YYYY-MM-DD, reason: why} for each"
        raise UsageError(f"{path}: a waiver lacks {error}", fix=fix) from error
