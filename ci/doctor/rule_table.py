"""The table of findings in this folder's README, made from the rules themselves: `python -m ci.doctor.rule_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from ci.doctor.checks import FAMILIES
from pipelines.generated import table, with_block, write_page

__all__ = ["README", "main", "with_rules"]

README = Path(__file__).with_name("README.md")
BEGIN = "<!-- rules: written by `python -m ci.doctor.rule_table` -->"
END = "<!-- end of rules -->"


def with_rules(readme: str) -> str:
    """Returns the text of the README with the table between its two marks brought up to date."""
    return with_block(readme, BEGIN, END, "\n".join([*_tables(), ""]))


def _tables() -> Iterator[str]:
    for family, rules in FAMILIES.items():
        yield f"\n#### {family}\n"
        rows = [(f"[`{rule.id}`]({rule.link})", rule.title, rule.outcome.text, rule.fix) for rule in rules]
        yield from table(("id", "what it asks for", "otherwise", "what to do"), rows)


def main(argv: list[str] | None = None) -> int:
    """Rewrites the table."""
    return write_page(README, lambda: with_rules(README.read_text(encoding="utf-8")), argv)


if __name__ == "__main__":
    sys.exit(main())
