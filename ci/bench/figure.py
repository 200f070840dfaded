"""What a measurement says: values, the targets of those that have one, and how they are shown."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from pipelines.outputs import atomic_file

__all__ = ["Figure", "median_ratio", "show_figures", "write_figures"]

_PACKAGES = ("onnxruntime", "numpy", "nvidia-pytriton", "grpcio", "sherpa-onnx")
_MARKS = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number.

    Attributes:
        name: What was measured, `<measurement>/<model>/<what>`.
        value: The number.
        unit: Of the number; a ratio is `x`.
        at_least: The target, if a higher number is better.
        at_most: The target, if a lower number is better.
        spread: Smallest and largest of the rounds, where there were several.
    """

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None if there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    @property
    def target(self) -> str:
        """The target in words; empty if there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""


def median_ratio(above: Sequence[float], below: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """The median of the rounds' ratios, with the smallest and the largest.

    Rounds of the two were made in turn, so what slows the machine for a while slows both, and their ratio stays.
    """
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return median(ratios), (min(ratios), max(ratios))


def show_figures(figures: Sequence[Figure]) -> None:
    """Prints a table."""
    table = Table(title="Speed", title_justify="left")
    for heading, side in (
        ("figure", "left"),
        ("value", "right"),
        ("rounds", "right"),
        ("target", "left"),
        ("", "left"),
    ):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for figure in figures:
        rounds = f"{figure.spread[0]:.3g} to {figure.spread[1]:.3g}" if figure.spread else ""
        table.add_row(figure.name, f"{figure.value:.4g} {figure.unit}", rounds, figure.target, _MARKS[figure.met])
    Console(width=None if os.environ.get("COLUMNS") else 120).print(table)


def write_figures(figures: Sequence[Figure], path: Path) -> None:
    """Writes the figures and what they were measured on as JSON."""
    report = {
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "packages": {name: version(name) for name in _PACKAGES},
        "figures": [{**asdict(figure), "target": figure.target, "met": figure.met} for figure in figures],
    }
    with atomic_file(path, force=True) as partial:
        partial.write_text(json.dumps(report, indent=2), encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
