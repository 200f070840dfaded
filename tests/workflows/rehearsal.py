"""Takes events through the workflows of a repository, with everything that stands in for GitHub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.interpreter import Interpreter
from tests.github.server import FakeGitHub
from tests.github.state import Repository as State
from tests.workflows import repository
from tests.workflows.equivalents import Site
from tests.workflows.events import recorded
from tests.workflows.execution import Machine
from tests.workflows.github import GitHub
from tests.workflows.jobs import Conductor, Job, Outcome
from tests.workflows.origin import Origin
from tests.workflows.repository import Repository

__all__ = ["Rehearsal"]


@dataclass
class Rehearsal:
    """A run of a workflow.

    Attributes:
        github: Reads and evaluates.
        repository: The workflows.
        origin: What is checked out.
        machine: Carries the jobs out.
        server: The REST API.
        answered: Outcomes of jobs that are not carried out, by path.
        before: Called with each job before it is carried out.
    """

    github: GitHub
    repository: Repository
    origin: Origin
    machine: Machine
    server: FakeGitHub
    answered: Mapping[str, Outcome]
    before: Callable[[Job], object] = lambda job: None

    @classmethod
    def of(cls, github: GitHub, origin: Origin, folder: Path, server: FakeGitHub, **answered: Outcome) -> "Rehearsal":
        """A rehearsal whose workspace and artifacts lie in a folder."""
        server.repository = State("speech-team/voices")
        known = repository.read(github, origin.folder)
        interpreter = Interpreter.current()
        assert interpreter is not None
        site = Site(folder, origin.folder, folder / "workspace", origin.head, keep=(".environments",))
        variables = {"GITHUB_API_URL": server.api_url, "RIVA_CI_PYTHON": str(interpreter.path)}
        return cls(github, known, origin, Machine(github, known, site, variables), server, answered)

    def run(self, event: str, workflow: str, **changes: Any) -> dict[str, str]:
        """The results of the jobs of a workflow after a recorded event, or one with other values in its body."""
        happened = self.origin.says(recorded(event, **changes))
        outcomes = Conductor(self.github, self.repository, happened, self._perform).run(f".github/workflows/{workflow}")
        return {path: outcome.result for path, outcome in outcomes.items()}

    def knows_run(self, run_id: int, workflow: str, *, conclusion: str | None) -> None:
        """Tells the REST API of a run of the commit before the change; without a conclusion it is still at work."""
        self.server.repository.runs[run_id] = {
            "id": run_id,
            "name": workflow.removesuffix(".yml"),
            "path": f".github/workflows/{workflow}",
            "status": "completed" if conclusion else "in_progress",
            "conclusion": conclusion,
            "event": "push",
            "head_branch": "main",
            "head_sha": self.origin.base,
            "html_url": f"https://github.com/speech-team/voices/actions/runs/{run_id}",
        }

    def becomes_run(self, run_id: int, workflow: str) -> None:
        """Turns what was run so far into a run of the past that went well, artifacts included."""
        self.knows_run(run_id, workflow, conclusion="success")
        site = self.machine.site
        site.artifacts.rename(site.folder / f"run-{run_id}")
        self.machine.records.clear()
        (site.folder / "step_summary").unlink()

    def steps(self, job: str) -> list[tuple[str, str]]:
        """Name and outcome of the steps of a job, those inside of local actions before the action itself."""
        return [(record.name, record.outcome) for record in self.machine.records if record.job == job]

    def failures(self) -> str:
        """The logs of steps that failed."""
        return "\n".join(record.log for record in self.machine.records if record.outcome == "failure")

    def artifacts(self) -> set[str]:
        """The names of the artifacts."""
        return {path.name for path in self.machine.site.artifacts.iterdir()}

    def _perform(self, job: Job) -> Outcome:
        answer = self.answered.get(job.path)
        if answer is not None:
            return answer
        self.before(job)
        return self.machine(job)
