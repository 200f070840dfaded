"""Workflows and actions of this repository name what is there, and keep the rules of the house."""

import pytest

from tests.workflows.policy import POLICY
from tests.workflows.references import REFERENCES, Rule
from tests.workflows.repository import Repository


@pytest.mark.parametrize("rule", [*REFERENCES, *POLICY], ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Rule, ours: Repository) -> None:
    """What the rule says, which is its docstring, is true of every workflow and every action."""
    assert ours.workflows
    assert list(rule(ours)) == []
