"""Each rule fires on a checkpoint made to break it, and none on the samples."""

import importlib
import re
from pathlib import Path

import pytest

from pipelines.verdict.findings import Rule
from pipelines.verdict.rules import FAMILIES, RULES
from pipelines.verdict.verdict import judge
from tests.unit.pipelines.verdict.firing import Firing

ROOT = Path(__file__).parents[4]
SAMPLES = [*sorted(ROOT.glob("checkpoints/*/model.nemo")), *sorted(ROOT.glob("tests/assets/*/model.nemo"))]


def firing_of(family: str) -> dict[str, Firing]:
    module = importlib.import_module(f"tests.unit.pipelines.verdict.firing.{family}")
    found: dict[str, Firing] = module.FIRING
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_rule_has_a_fixture(family: str) -> None:
    """A rule without a checkpoint that breaks it is not a rule yet."""
    assert set(firing_of(family)) == {rule.id for rule in FAMILIES[family]}


@pytest.mark.parametrize(
    ("rule", "firing"), [(rule, firing) for family in FAMILIES for rule, firing in firing_of(family).items()]
)
def test_every_rule_fires(tmp_path: Path, rule: str, firing: Firing) -> None:
    """What breaks the rule is found by this rule, with the values, a reason and something to do."""
    findings = firing(tmp_path)

    found = [finding for finding in findings if finding.rule.id == rule]
    assert found, [finding.rule.id for finding in findings]
    assert all(finding.what and finding.why and finding.fix for finding in found)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.parent.name)
def test_no_rule_fires_on_the_samples(sample: Path) -> None:
    """The checkpoints of this repository break no rule at all."""
    assert judge(sample).findings == ()


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_says_all_that_a_finding_needs(rule: Rule) -> None:
    """A stable id, a title, a reason, a remedy and an upstream link: none is empty."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|readable", rule.id)
    assert all((rule.title, rule.why, rule.fix))
    assert rule.link.startswith("https://")
