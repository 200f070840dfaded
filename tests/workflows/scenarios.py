"""What may happen to a repository, and which jobs run then: the table of `scenarios.yaml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from tests.workflows.events import Event, recorded
from tests.workflows.github import Document
from tests.workflows.jobs import Job, Outcome

__all__ = ["CALLER", "SCENARIOS", "Scenario"]

HERE = Path(__file__).parent
CALLER = "the caller's workflow"


@dataclass(frozen=True)
class Scenario:
    """An event, how the jobs that it starts end, and which those are.

    Attributes:
        name: What happens, as a sentence.
        event: The recorded event.
        jobs: The jobs that run, by workflow: `path: labels of its runner`, one for all jobs of a matrix with the same.
        secrets: Names of the secrets that the repository has.
        variables: What the repository's variables say.
        outputs: Outputs of jobs by a pattern of their path; a job sets none where none is given.
        results: Results of jobs by a pattern of their path; a job succeeds where none is given.
        shown: Whether its steps stand in `steps.txt`.
        caller: The workflow of another repository that the event starts there, instead of those of this one.
    """

    name: str
    event: Event
    jobs: Mapping[str, list[str]]
    secrets: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    shown: bool = False
    caller: Document | None = None

    def outcome(self, job: Job) -> Outcome:
        """How a job ends here; a declared output that the scenario does not know is empty."""
        known = next((given for pattern, given in self.outputs.items() if fnmatchcase(job.path, pattern)), {})
        result = next((given for pattern, given in self.results.items() if fnmatchcase(job.path, pattern)), "success")
        return Outcome(result, {name: known.get(name, "") for name in job.document.get("outputs", {})})


def _read() -> list[Scenario]:
    table = yaml.safe_load((HERE / "scenarios.yaml").read_text(encoding="utf-8"))
    plans = table["plans"]
    return [
        Scenario(
            name=row["name"],
            event=recorded(row["event"], **row.get("with", {})),
            jobs={_file(workflow): sorted(jobs) for workflow, jobs in row["jobs"].items()},
            secrets=tuple(row.get("secrets", ())),
            variables=row.get("variables", {}),
            outputs={"plan": plans[row["plan"]]} if "plan" in row else {},
            results=row.get("results", {}),
            shown=row.get("shown", False),
            caller={"on": {}, "jobs": {"call": row["caller"]}} if "caller" in row else None,
        )
        for row in table["scenarios"]
    ]


def _file(workflow: str) -> str:
    return CALLER if workflow == "caller" else f".github/workflows/{workflow}.yml"


SCENARIOS = _read()
