"""Pages that are generated from data: how their tables are written, and the command that writes one."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipelines.cli import run

__all__ = ["table", "with_block", "write_page"]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def with_block(text: str, begin: str, end: str, block: str) -> str:
    """A text with what stands between two marks replaced; the marks stay."""
    return re.sub(f"{re.escape(begin)}.*{re.escape(end)}", lambda _: f"{begin}\n{block}\n{end}", text, flags=re.DOTALL)


def write_page(path: Path, text: Callable[[], str], argv: list[str] | None) -> int:
    """The command of a page: writes it, and says where; returns the exit code."""

    def write(_: list[str]) -> int:
        path.write_text(text(), encoding="utf-8")
        print(f"wrote {path}")
        return 0

    return run(write, argv)
