"""The compatibility table: what is known of each Riva version, a source a cell, "unknown" where none was found.

The table is compatibility.yaml. Who needs to know which image, opset, client or NeMo goes with which Riva asks here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from pipelines.errors import UsageError

__all__ = [
    "DEFAULT_VERSION",
    "NGC",
    "TABLE",
    "Advisory",
    "BadPair",
    "Cell",
    "Compatibility",
    "ModelClass",
    "Platform",
    "RivaVersion",
    "compatibility",
    "holds",
    "riva_version",
    "riva_versions",
]

TABLE = Path(__file__).with_suffix(".yaml")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_COMMANDS = {
    "onnx": "nemo2riva",
    "torchscript": "nemo2riva",
    "nemo": "nemo2riva",
    "head": "take one decoder out with NeMo's convert_nemo_asr_hybrid_to_ctc.py, then nemo2riva on that",
    "skip-export": "no export: the .nemo goes to riva-build as it is",
}

Evidence = Literal["seen", "measured", "inferred", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fact: its value (None if unknown), how sure we are, and where it comes from.

    Args:
        value: A number, a name, or a range of versions as pip writes them.
        evidence: `seen` in the source, `measured` here, `inferred` from the source, or `unknown`.
        source: What the source is.
        link: Where it is: an address, or a file of this repository relative to the table.
        digest: Of an image, where the source gives one.
    """

    value: Any
    evidence: Evidence
    source: str
    link: str
    digest: str = ""

    def __str__(self) -> str:
        return "unknown" if self.value is None else f"{self.value} ({self.evidence}: {self.source})"

    def image(self, prefix: str | None = None) -> str:
        """The image that it names: by digest where the source gives one; under `prefix`, if this repository made it."""
        if prefix:
            return f"{prefix}/{str(self.value).rpartition('/')[2]}"
        return f"{str(self.value).rpartition(':')[0]}@{self.digest}" if self.digest else str(self.value)


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What a Riva release is on one platform.

    Args:
        server: Image of the server.
        servicemaker: Image of the tools.
        tensorrt: TensorRT in the images.
        cuda: CUDA in the images.
        jetpack: Software of a Jetson; None elsewhere, as `l4t`.
        l4t: Line of Jetson Linux that the images were built for.
        compute_capability: Range of GPUs that it supports; None on a Jetson, as `gpu_memory`.
        gpu_memory: GPU memory that its guide recommends, in GB.
    """

    server: Cell
    servicemaker: Cell
    tensorrt: Cell
    cuda: Cell
    jetpack: Cell | None = None
    l4t: Cell | None = None
    compute_capability: Cell | None = None
    gpu_memory: Cell | None = None


@dataclass(frozen=True, kw_only=True)
class RivaVersion:
    """A release of Riva.

    Args:
        version: For example 2.19.0.
        onnx_ir: Highest ONNX IR version that its ONNX Runtime loads.
        onnx_opset: Highest opset that comes with that IR version.
        onnx: The onnx package that its nemo2riva pins, which decides about the IR version of a graph.
        nemo: NeMo versions that its nemo2riva takes.
        client: Versions of nvidia-riva-client that its server understands.
        platforms: By target: `x86-gpu`, `jetson`.
    """

    version: str
    onnx_ir: Cell
    onnx_opset: Cell
    onnx: Cell
    nemo: Cell
    client: Cell
    platforms: Mapping[str, Platform]

    @property
    def advisories(self) -> tuple["Advisory", ...]:
        """Published security advisories about this version."""
        return compatibility().advisories_of("riva", self.version)


@dataclass(frozen=True, kw_only=True)
class ModelClass:
    """How NVIDIA's tools take a class of models.

    Args:
        obj_cls: Its name as Riva's schemas spell it.
        recipe: `onnx`, `torchscript`, `nemo`, `head` or `skip-export` (explained in the table).
        options: Options of NVIDIA's nemo2riva, by name.
        works: Riva versions that take it.
        fails: Riva versions that do not; of a version in neither, nothing is known.
        nemo: NeMo versions that can export it; None if no source limits them.
    """

    obj_cls: str
    recipe: str
    options: Mapping[str, str | int]
    works: Cell | None = None
    fails: Cell | None = None
    nemo: Cell | None = None

    @property
    def command(self) -> str:
        """What NVIDIA's tools want done with it."""
        return " ".join([_COMMANDS[self.recipe], *(f"--{name} {value}" for name, value in self.options.items())])


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """A published security advisory, such as CVE-2025-23242; `affected` is a range of versions of `product`."""

    id: str
    product: str
    affected: str
    severity: str
    what: str
    link: str

    def __str__(self) -> str:
        return f"{self.id} ({self.severity}): {self.what}; {self.link}"


@dataclass(frozen=True, kw_only=True)
class BadPair:
    """Versions that were reported not to work together: all conditions of `when` hold, and it fails."""

    id: str
    when: Mapping[str, str]
    what: str
    fix: str
    source: str
    link: str

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether every condition holds; a fact that is not known meets none."""
        return all(_meets(name, asked, facts.get(name, "")) for name, asked in self.when.items())


@dataclass(frozen=True, kw_only=True)
class Compatibility:
    """The whole table."""

    default: str
    open_runtime: Mapping[str, Cell]
    versions: Mapping[str, RivaVersion]
    classes: Mapping[str, ModelClass]
    known_bad: tuple[BadPair, ...]
    advisories: tuple[Advisory, ...]

    def advisories_of(self, product: str, version: str) -> tuple[Advisory, ...]:
        """The advisories that name a version of a product (`riva`, `nemo`, `torch`, `container-toolkit`)."""
        return tuple(each for each in self.advisories if each.product == product and holds(each.affected, version))


def _meets(name: str, asked: str, fact: str) -> bool:
    return fnmatchcase(fact, asked) if name == "class" else holds(asked, fact)


def holds(asked: str, version: str, *, released: bool = False) -> bool:
    """Whether a version lies in a range; what is not a version lies in none.

    Args:
        asked: The range, as pip writes it.
        version: The version.
        released: Whether release candidates and development versions lie in none either.
    """
    try:
        return SpecifierSet(asked).contains(Version(version), prereleases=not released)
    except InvalidVersion:
        return False


@cache
def compatibility() -> Compatibility:
    """The table, read once."""
    data = yaml.load(TABLE.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe loader, in C if there is one)
    sources = data["sources"]

    def cell(entry: Mapping[str, Any]) -> Cell:
        source = sources[entry["source"]]
        return Cell(**{**entry, "source": source["title"]}, link=source["url"])

    def cells(entries: Mapping[str, Any]) -> dict[str, Cell]:
        return {name: cell(entry) for name, entry in entries.items()}

    def version(name: str, row: Mapping[str, Any]) -> RivaVersion:
        platforms = {target: Platform(**cells(columns)) for target, columns in row["platforms"].items()}
        columns = cells({column: entry for column, entry in row.items() if column != "platforms"})
        return RivaVersion(version=name, platforms=platforms, **columns)

    def model_class(name: str, row: Mapping[str, Any]) -> ModelClass:
        ranges = cells({column: row[column] for column in ("works", "fails", "nemo") if column in row})
        return ModelClass(obj_cls=name, recipe=row["recipe"], options=row.get("options", {}), **ranges)

    def linked(entry: Mapping[str, Any]) -> dict[str, Any]:
        source = sources[entry["source"]]
        return {**entry, "source": source["title"], "link": source["url"]}

    def advisory(name: str, row: Mapping[str, Any]) -> Advisory:
        return Advisory(id=name, **{column: value for column, value in linked(row).items() if column != "source"})

    return Compatibility(
        default=data["default"],
        open_runtime=cells(data["open_runtime"]),
        versions={name: version(name, row) for name, row in data["versions"].items()},
        classes={name: model_class(name, row) for name, row in data["classes"].items()},
        known_bad=tuple(BadPair(id=name, **linked(row)) for name, row in data["known_bad"].items()),
        advisories=tuple(advisory(name, row) for name, row in data["advisories"].items()),
    )


DEFAULT_VERSION = compatibility().default
"""The version that is meant when none is named: the newest without published advisories."""

NGC = str(compatibility().versions[DEFAULT_VERSION].platforms["x86-gpu"].server.value).partition("/")[0]
"""The registry of NVIDIA's images."""


def riva_versions() -> Mapping[str, RivaVersion]:
    """Returns every version of the table, oldest first."""
    return compatibility().versions


def riva_version(version: str) -> RivaVersion:
    """Returns a version by its name; `2.19` means `2.19.0`.

    Raises:
        UsageError: The table does not know it.
    """
    table = riva_versions()
    found = table.get(version) or table.get(f"{version}.0")
    if found is None:
        raise UsageError(
            f"Riva version {version} is not in the compatibility table", fix=f"it knows {', '.join(table)}"
        )
    return found
