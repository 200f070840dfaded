"""Writes `steps.txt`: what each job of some scenarios does, and when, step by step. Run by `nox -s goldens`.

A condition of a step that is lost or turned round shows as a line that comes, goes, or says another time.
"""

from pathlib import Path

from ci import environments
from tests.workflows import reach, repository
from tests.workflows.github import GitHub
from tests.workflows.jobs import Job
from tests.workflows.reach import ReachedStep
from tests.workflows.repository import Repository
from tests.workflows.scenarios import SCENARIOS

__all__ = ["GOLDEN", "written"]

GOLDEN = Path(__file__).parent / "steps.txt"
WHEN = {
    ("success",): "",
    ("success", "failure"): " [also after a failure]",
    ("success", "failure", "cancelled"): " [always, or as an earlier step says]",
    ("failure",): " [after a failure]",
    ("failure", "cancelled"): " [after a failure or when cancelled]",
}


def written(github: GitHub, ours: Repository) -> str:
    """The text of the file."""
    parts = ["Written by nox -s goldens; look at what changes here when a workflow does."]
    for scenario in SCENARIOS:
        if scenario.shown:
            parts.append(f"\n# {scenario.name}")
            for jobs in reach.reached(github, ours, scenario).values():
                parts += dict.fromkeys(_job(github, ours, job) for job in jobs)
    return "\n".join(parts) + "\n"


def _job(github: GitHub, ours: Repository, job: Job) -> str:
    lines = [f"{job.path}, on {' '.join(job.runs_on)}{f', in {job.environment}' if job.environment else ''}"]
    return "\n".join([*lines, *(_step(step) for step in reach.steps_of(github, ours, job))])


def _step(step: ReachedStep) -> str:
    return f"{'  ' * (step.depth + 1)}{step.document['name']}{WHEN[step.when]}"


def main() -> None:
    """Writes the file."""
    with GitHub(environments.ready("node")) as github:
        GOLDEN.write_text(written(github, repository.read(github, environments.ROOT)), encoding="utf-8")


if __name__ == "__main__":
    main()
