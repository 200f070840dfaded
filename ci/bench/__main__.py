"""`nox -s bench`: speed against the bare network, as a table and as JSON."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ci.arguments import ArgumentParser
from ci.bench.building import measure_building
from ci.bench.exporting import measure_exporting
from ci.bench.figure import Figure, show_figures, write_figures
from ci.bench.judging import measure_judging
from ci.bench.offline import measure_offline
from ci.bench.punctuation import measure_punctuation
from ci.bench.starting import measure_starting
from ci.bench.streaming import measure_admission, measure_streaming
from ci.bench.subject import BERTS, SIZES, prepare
from ci.pipeline.stages import BUILD
from pipelines.cli import run

__all__ = ["main"]

MISSED = 1

_MODELS = (*SIZES, *BERTS)

_Measure = Callable[..., Iterator[Figure]]
_MEASUREMENTS: Mapping[str, tuple[_Measure, tuple[str, ...]]] = {
    "offline": (measure_offline, SIZES),
    "punctuation": (measure_punctuation, BERTS),
    "streaming": (measure_streaming, ("2m",)),
    "admission": (measure_admission, ("2m",)),
    "start": (measure_starting, ("2m",)),
    "verdict": (measure_judging, ("2m",)),
    "export": (measure_exporting, ("13m",)),
    "build": (measure_building, ("2m",)),
}


def main(argv: list[str] | None = None) -> int:
    """The command; with --check returns 1 where a target was missed."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s bench --", description="Measures speed against the bare network.")
    parser.add_argument("--only", action="append", choices=_MEASUREMENTS, help="this measurement; may be repeated")
    parser.add_argument("--model", action="append", choices=_MODELS, help="this model only; may be repeated")
    parser.add_argument("--quick", action="store_true", help="few rounds: shows that it works, its figures are rough")
    parser.add_argument("--check", action="store_true", help="end with 1 if a target was missed")
    parser.add_argument("--json", type=Path, default=BUILD / "bench" / "bench.json", help="default: %(default)s")
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    figures: list[Figure] = []
    for name, (measure, sizes) in _MEASUREMENTS.items():
        for size in sizes:
            if name in (options.only or _MEASUREMENTS) and size in (options.model or _MODELS):
                print(f"Measuring {name} of {size}", file=sys.stderr, flush=True)
                figures += measure(prepare(size), quick=options.quick)
    show_figures(figures)
    write_figures(figures, options.json)
    print(f"Also in {options.json}")
    missed = [figure for figure in figures if figure.met is False]
    return MISSED if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
