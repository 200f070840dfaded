"""Every known way to attack through a checkpoint is refused by its rule, by name, and leaves no mark."""

from pathlib import Path

import pytest

from pipelines.verdict.findings import Outcome
from pipelines.verdict.verdict import judge
from tests.hostile import archives, configurations, pickles
from tests.hostile.vector import Vector

README = Path(__file__).parents[2] / "pipelines/verdict/firewall/README.md"
VECTORS = (*pickles.VECTORS, *configurations.VECTORS, *archives.VECTORS)
ARMED = [vector for vector in VECTORS if vector.trigger is not None]


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_attacks_are_refused_by_name(tmp_path: Path, mark: Path, vector: Vector) -> None:
    """The verdict is unsafe, the rule's finding says what was tried, and nothing of the payload has run."""
    verdict = judge(vector.make(tmp_path, mark))

    said = [finding.what for finding in verdict.findings if finding.rule.id == vector.rule]
    assert any(vector.said in what for what in said), [finding.what for finding in verdict.findings]
    assert verdict.outcome is Outcome.UNSAFE
    assert not mark.exists()


@pytest.mark.parametrize("vector", ARMED, ids=lambda vector: vector.name)
def test_the_fixtures_are_armed(tmp_path: Path, mark: Path, vector: Vector) -> None:
    """A program that trusts the checkpoint leaves the mark: without the firewall the attack would work."""
    assert vector.trigger is not None
    path = vector.make(tmp_path, mark)
    assert not mark.exists()

    vector.trigger(path)

    assert mark.exists()


def test_names_are_unique() -> None:
    """A fixture is found by its name, here and in the scanners' table."""
    names = [vector.name for vector in VECTORS]

    assert sorted(names) == sorted(set(names))


def test_the_scanners_table_has_every_fixture() -> None:
    """The README compares the field's scanners on all of these fixtures."""
    rows = [line.split("|") for line in README.read_text(encoding="utf-8").splitlines() if line.count("|") == 6]
    table = {row[1].strip(): row[2].strip(" `") for row in rows}

    assert {vector.name: table.get(vector.name) for vector in VECTORS} == {
        vector.name: vector.rule for vector in VECTORS
    }
