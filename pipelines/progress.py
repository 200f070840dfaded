"""Progress of long work: a bar on a terminal, a line at every tenth elsewhere (logs, CI)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Progress", "progress"]


class Progress(Protocol):
    """What the body of a `progress` block sees."""

    def advance(self, amount: float) -> None:
        """Says that `amount` more of the total is done."""


class _Lines:
    """Prints a line whenever another tenth is done, so that a log of a long job is short and alive."""

    def __init__(self, title: str, total: float) -> None:
        self._title, self._total, self._done, self._tenths = title, max(total, 1e-9), 0.0, 0

    def advance(self, amount: float) -> None:
        self._done += amount
        tenths = min(10, int(10 * self._done / self._total))
        if tenths > self._tenths:
            self._tenths = tenths
            print(f"{self._title}: {10 * tenths} %", file=sys.stderr, flush=True)


@contextmanager
def progress(title: str, total: float) -> Iterator[Progress]:
    """Shows how far a piece of work is.

    Args:
        title: What is being done.
        total: The amount that `advance` will add up to, in any unit.
    """
    if not sys.stderr.isatty():
        yield _Lines(title, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)

        class _Bar:
            def advance(self, amount: float) -> None:
                bar.advance(task, amount)

        yield _Bar()
