"""What a person sees of a release: a table on the terminal, the same in GitHub's step summary."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ci import github

__all__ = ["show"]


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Shows a table; where there are no rows, the title alone."""
    print(title, flush=True)
    if rows:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in header:
            table.add_column(name, justify="right" if name == "size" else "left", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console = Console(highlight=False)
        # without a terminal rich takes 80 columns, which would cut names
        (console if console.is_terminal else Console(width=200, highlight=False)).print(table)
    cells = [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)] if rows else []
    github.summarise("\n".join([f"### {title}", "", *cells]))
