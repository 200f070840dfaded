"""Public reports of failed deliveries, and what stops each of them here: `python -m pipelines.verdict.failures`.

The table is failures.yaml; FAILURES.md is written from it.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.generated import table, write_page
from pipelines.verdict.rules import RULES

__all__ = ["FAILURES", "PAGE", "Failure", "failures", "main", "page"]

FAILURES = Path(__file__).with_suffix(".yaml")
PAGE = Path(__file__).with_name("FAILURES.md")

_PHASES = {"P0": "intake", "P1": "export", "P2": "build", "P3": "deploy", "P4": "serve", "P5": "conformance"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What somebody reported, and what stops it here.

    Args:
        number: Its row.
        reports: Where it was reported.
        what: What happened, in one sentence.
        earliest: The phase, P0 to P5, at which it could have been stopped.
        how: What stops it.
        stopped: The phase at which that is; empty if nothing does.
        out_of_reach: Why nothing does; empty otherwise.
        rules: Ids of the rules that stop it.
        cases: Conformance cases that would show it, as family/name.
    """

    number: int
    reports: tuple[str, ...]
    what: str
    earliest: str
    how: str
    stopped: str = ""
    out_of_reach: str = ""
    rules: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


@cache
def failures() -> tuple[Failure, ...]:
    """Every row, in its order."""
    rows: dict[int, dict[str, Any]] = yaml.safe_load(FAILURES.read_text(encoding="utf-8"))["failures"]
    for row in rows.values():
        row.update({name: tuple(value) for name, value in row.items() if isinstance(value, list)})
    return tuple(Failure(number=number, **row) for number, row in rows.items())


def page() -> str:
    """The text of the page."""
    header = ("", "what happened", "could be stopped", "is stopped", "by", "how")
    lines = [*_introduction(), *table(header, [_cells(row) for row in failures()])]
    return "".join(f"{line}\n" for line in lines)


def _introduction() -> Iterator[str]:
    rows = failures()
    ruled = [row for row in rows if row.rules]
    yield "# What hurt others, and what stops it here"
    yield ""
    yield "Written by `python -m pipelines.verdict.failures` from [failures.yaml](failures.yaml): public reports of"
    yield f"failed deliveries of Riva and NeMo models. {len(ruled)} of {len(rows)} are stopped by a rule before"
    yield "anything is deployed. tests/failures/ seeds the defect of each of those and runs the tool that must find it,"
    yield "at the phase named here. `riva-verdict --explain RULE` says more about a rule."
    yield ""
    yield f"Phases: {', '.join(f'{phase} {name}' for phase, name in _PHASES.items())}."
    yield ""


def _cells(row: Failure) -> tuple[str, ...]:
    links = " ".join(f"[{index}]({report})" for index, report in enumerate(row.reports, 1))
    rules = [f"[`{rule}`]({RULES[rule].link})" for rule in row.rules]
    cases = [f"case {case}" for case in row.cases]
    how = f"{row.how}; out of reach: {row.out_of_reach}" if row.out_of_reach else row.how
    by = ", ".join(rules + cases) or "nothing"
    return str(row.number), f"{row.what} {links}", row.earliest, row.stopped or "no", by, how


def main(argv: list[str] | None = None) -> int:
    """Writes the page."""
    return write_page(PAGE, page, argv)


if __name__ == "__main__":
    sys.exit(main())
