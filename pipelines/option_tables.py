"""The table of options in each room's README, made from their declarations: `python -m pipelines.option_tables`."""

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pipelines.build_options import Facts, Runtime, facts_of
from pipelines.cli import run
from pipelines.cli.flags import Flag, flags_of, spell
from pipelines.contract import Pipeline
from pipelines.generated import with_block
from pipelines.registry import rooms

__all__ = ["main", "with_table"]

BEGIN = "<!-- options: written by `python -m pipelines.option_tables` -->"
END = "<!-- end of options -->"


def with_table(readme: str, pipeline: Pipeline[Any]) -> str:
    """Returns the text of a README with the table between its two marks brought up to date."""
    return with_block(readme, BEGIN, END, "\n".join(_tables(pipeline)))


def _tables(pipeline: Pipeline[Any]) -> Iterator[str]:
    for component, options in groupby(flags_of(pipeline.options), key=lambda option: ".".join(option.path[:-1])):
        yield f"\n#### {pipeline.components[component]}\n"
        yield "| option | default | meaning | open runtime | known from |"
        yield "|---|---|---|---|---|"
        yield from map(_row, options)
    yield ""


def _row(option: Flag) -> str:
    facts = facts_of(option)
    names = ", ".join(f"`--{name}`" for name in (option.name, *option.aliases))
    choices = f"; one of {', '.join(option.choices)}" if option.choices else ""
    cells = [
        names if option.choices else f"{names} ({option.metavar or option.type_name})",
        "" if option.default is None else f"`{spell(option.default)}` ({facts.default_of})",
        f"{option.meaning}{choices}",
        _treatment(facts),
        f"{facts.origin.text} ({facts.origin.evidence})",
    ]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _treatment(facts: Facts) -> str:
    match facts.runtime:
        case Runtime.EXECUTED:
            return "executed"
        case Runtime.IGNORED:
            return f"noted and ignored: {facts.reason}"
        case Runtime.REFUSED:
            condition = "when set" if None in facts.neutral else f"unless `{spell(facts.neutral[0])}`"
            return f"recorded, refused at deploy {condition}; {facts.reason}"


def main(argv: list[str] | None = None) -> int:
    """Rewrites the table in the README of every room."""
    return run(_rewrite, argv)


def _rewrite(argv: list[str]) -> int:
    for pipeline in rooms():
        path = pipeline.folder / "README.md"
        path.write_text(with_table(path.read_text(encoding="utf-8"), pipeline), encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
