"""The table of rules in verdict/README.md, made from the rules themselves: `python -m pipelines.rule_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from pipelines.cli import run
from pipelines.generated import with_block
from pipelines.verdict.findings import Rule
from pipelines.verdict.rules import FAMILIES

__all__ = ["README", "main", "with_rules"]

README = Path(__file__).parent / "verdict" / "README.md"
BEGIN = "<!-- rules: written by `python -m pipelines.rule_table` -->"
END = "<!-- end of rules -->"


def with_rules(readme: str) -> str:
    """Returns the text of a README with the table between its two marks brought up to date."""
    return with_block(readme, BEGIN, END, "\n".join([*_table(), ""]))


def _table() -> Iterator[str]:
    for family, rules in FAMILIES.items():
        yield f"\n#### {family}\n"
        yield "| rule | what it asks for | a checkpoint that breaks it |"
        yield "|---|---|---|"
        yield from map(_row, rules)


def _row(rule: Rule) -> str:
    only = f" on {rule.target}" if rule.target else ""
    cells = (f"[`{rule.id}`]({rule.link})", rule.title, f"{rule.verdict}{only}")
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def main(argv: list[str] | None = None) -> int:
    """Rewrites the table."""
    return run(_rewrite, argv)


def _rewrite(argv: list[str]) -> int:
    README.write_text(with_rules(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {README}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
