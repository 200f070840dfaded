"""Each event starts the jobs that it should, on the machines that it should, and gets hold of nothing else."""

import pytest

from tests.workflows import reach, steps
from tests.workflows.github import GitHub
from tests.workflows.repository import Repository
from tests.workflows.scenarios import SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_event_starts_its_jobs(scenario: Scenario, github: GitHub, ours: Repository) -> None:
    """The jobs that run are those of the table, on the runners of the table."""
    assert reach.summary(reach.reached(github, ours, scenario)) == scenario.jobs


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_event_reaches_nothing_it_must_not(scenario: Scenario, github: GitHub, ours: Repository) -> None:
    """Code that nobody has reviewed gets no secret and no machine of ours; a release gets no cache."""
    assert list(reach.faults(github, ours, scenario)) == []


def test_jobs_take_the_steps_that_were_reviewed(github: GitHub, ours: Repository) -> None:
    """What each job does, step by step and after which outcome, is what steps.txt shows; nox -s goldens writes it."""
    assert steps.written(github, ours) == steps.GOLDEN.read_text(encoding="utf-8")
