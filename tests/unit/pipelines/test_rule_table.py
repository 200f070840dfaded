"""The README of the verdict lists the rules that there are."""

from pipelines.rule_table import README, with_rules
from pipelines.verdict.rules import RULES


def test_the_readme_is_up_to_date() -> None:
    """After a change of a rule: `python -m pipelines.rule_table`."""
    text = README.read_text(encoding="utf-8")

    assert with_rules(text) == text
    assert all(f"[`{rule}`](" in text for rule in RULES)
