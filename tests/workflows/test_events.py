"""Each event starts the jobs that it should, on the machines that it should, and gets hold of nothing else."""

import pytest

from tests.workflows import reach
from tests.workflows.github import GitHub
from tests.workflows.repository import Repository
from tests.workflows.scenarios import SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_event_starts_its_jobs(scenario: Scenario, github: GitHub, ours: Repository) -> None:
    """The jobs that run are those of the table, on the runners of the table."""
    jobs = reach.reached(github, ours, scenario)

    assert {
        file: sorted({f"{job.path}: {' '.join(job.runs_on)}" for job in ran}) for file, ran in jobs.items()
    } == dict(scenario.jobs)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_event_reaches_nothing_it_must_not(scenario: Scenario, github: GitHub, ours: Repository) -> None:
    """Code that nobody has reviewed gets no secret and no machine of ours; a release gets no cache."""
    assert list(reach.faults(github, ours, scenario)) == []
