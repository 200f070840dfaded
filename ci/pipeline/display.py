"""What a person sees of a run: a bar for the stage that is running, and at the end the table of all.

Tools print `Title: 30 %` where there is no terminal (pipelines.progress); from their logs that drives the bar here.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.sizes import in_words

__all__ = ["PERCENT", "Row", "as_facts", "as_markdown", "show_table", "stage_bar"]

PERCENT = re.compile(r"^(?P<title>.+): (?P<percent>\d{1,3}) %$")


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        stage: The stage.
        output: What it wrote, relative to the folder of outputs; empty if it writes nothing.
        size: Bytes, None if it writes nothing.
        sha256: Of the output; empty if it writes nothing.
        seconds: How long the stage took when it ran.
        reused: Whether it was not run because nothing had changed.
    """

    stage: str
    output: str
    size: int | None
    sha256: str
    seconds: float
    reused: bool


@contextmanager
def stage_bar(title: str) -> Iterator[Callable[[str], None]]:
    """Shows that a stage runs; yields what takes the lines that it prints."""
    if not sys.stderr.isatty():
        started = time.monotonic()
        print(f"{title} ...", file=sys.stderr, flush=True)
        yield lambda line: None
        print(f"{title} took {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def follow(line: str) -> None:
            if match := PERCENT.match(line):
                bar.update(task, description=f"{title}: {match['title']}", total=100, completed=int(match["percent"]))

        yield follow


def show_table(title: str, rows: Sequence[Row]) -> None:
    """Prints the table: stage, output, size, sha256, seconds."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in ("stage", "output", "size", "sha256", "seconds"):
        table.add_column(column, justify="right" if column in ("size", "seconds") else "left", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row), style="dim" if row.reused else "")
    # Without a terminal rich takes 80 columns, which would cut digests
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def as_facts(rows: Sequence[Row]) -> dict[str, list[dict[str, str]]]:
    """The table as the report of riva-conformance takes it."""
    names = ("stage", "output", "size", "sha256", "seconds")
    return {
        "Stages": [dict(zip(names, (*_cells(row)[:3], row.sha256, f"{row.seconds:.1f}"), strict=True)) for row in rows]
    }


def as_markdown(title: str, rows: Sequence[Row]) -> str:
    """The table as GitHub's step summary takes it."""
    lines = [f"### {title}", "", "| stage | output | size | sha256 | seconds |", "| --- | --- | ---: | --- | ---: |"]
    return "\n".join([*lines, *(f"| {' | '.join(_cells(row))} |" for row in rows)])


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    seconds = "unchanged" if row.reused else f"{row.seconds:.1f}"
    size = "" if row.size is None else in_words(row.size)
    return row.stage, Path(row.output).as_posix() if row.output else "", size, row.sha256[:16], seconds
