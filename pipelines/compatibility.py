"""What is known of each Riva version: one table, one source a cell, and "unknown" where nothing was published."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from pipelines.errors import UsageError

__all__ = ["DEFAULT_VERSION", "Cell", "RivaVersion", "riva_version", "riva_versions"]

DEFAULT_VERSION = "2.19.0"
"""Versions up to 2.18.0 carry published server CVEs (see their `advisories`)."""

Evidence = Literal["seen", "inferred", "unknown"]
_TABLE = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fact: its value (None if unknown), how sure we are, and where it comes from."""

    value: Any
    evidence: Evidence
    source: str

    def __str__(self) -> str:
        return "unknown" if self.value is None else f"{self.value} ({self.evidence}: {self.source})"


@dataclass(frozen=True, kw_only=True)
class RivaVersion:
    """A release of Riva.

    Args:
        version: For example 2.19.0.
        images: Image of each role (`server`, `servicemaker`), for x86-64 and for Jetson (`...-l4t-aarch64`).
        onnx_ir: Highest ONNX IR version that its ONNX Runtime loads.
        onnx_opset: Highest opset that comes with that IR version.
        advisories: Published security advisories about this version's server.
    """

    version: str
    images: dict[str, Cell]
    onnx_ir: Cell
    onnx_opset: Cell
    advisories: tuple[str, ...]


@cache
def riva_versions() -> dict[str, RivaVersion]:
    """Returns every version of the table, oldest first."""
    table = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return {
        version: RivaVersion(
            version=version,
            images={role: Cell(**cell) for role, cell in row["images"].items()},
            onnx_ir=Cell(**row["onnx_ir"]),
            onnx_opset=Cell(**row["onnx_opset"]),
            advisories=tuple(row["advisories"]),
        )
        for version, row in table["versions"].items()
    }


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
