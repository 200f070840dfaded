"""The README of the doctor lists the rules that there are."""

from ci.doctor.checks import FAMILIES
from ci.doctor.rule_table import README, with_rules


def test_the_readme_is_up_to_date() -> None:
    """After a change of a rule: `nox -s goldens`."""
    text = README.read_text(encoding="utf-8")

    assert with_rules(text) == text
    assert all(f"[`{rule.id}`](" in text for rules in FAMILIES.values() for rule in rules)
