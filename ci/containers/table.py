"""The images as a table: name, size, layers, digest."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from pipelines.sizes import in_words

if TYPE_CHECKING:
    from ci.containers.build import Built

__all__ = ["show"]

_DIGEST = len("sha256:") + 12
_WIDTH = 160  # without a terminal rich takes 80 columns, which would cut digests


def show(images: "Sequence[Built]") -> None:
    """Prints the table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("image", "size", "layers", "digest"):
        table.add_column(column, justify="right" if column == "size" else "left", no_wrap=True)
    for image in images:
        table.add_row(image.name, in_words(image.size), " + ".join(map(in_words, image.layers)), image.id[:_DIGEST])
    Console(width=_WIDTH, highlight=False).print(table)
