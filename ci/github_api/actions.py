"""Runs of workflows and their jobs.

https://docs.github.com/en/rest/actions/workflow-runs, https://docs.github.com/en/rest/actions/workflow-jobs
"""

from dataclasses import dataclass
from typing import Any

from ci.github_api.transport import Json, Transport

__all__ = ["Actions", "Job", "Run"]


@dataclass(frozen=True)
class Run:
    """A run of a workflow.

    Attributes:
        id: Its number in the API.
        name: The workflow's name.
        status: `queued`, `in_progress`, `completed`, `waiting`, `requested` or `pending`.
        conclusion: `success`, `failure`, `cancelled`, ... once it is completed.
        branch: The branch or tag it runs for.
        sha: The commit.
        page: Where people see it.
    """

    id: int
    name: str
    status: str
    conclusion: str | None
    branch: str
    sha: str
    page: str

    @classmethod
    def read(cls, data: Json) -> "Run":
        """A run as the API writes it."""
        return cls(
            id=data["id"],
            name=data.get("name") or "",
            status=data["status"],
            conclusion=data.get("conclusion"),
            branch=data.get("head_branch") or "",
            sha=data["head_sha"],
            page=data["html_url"],
        )


@dataclass(frozen=True)
class Job:
    """A job of a run.

    Attributes:
        id: Its number in the API.
        name: Its name, with the values of the matrix.
        status: `queued`, `in_progress`, `completed` or `waiting`.
        conclusion: `success`, `failure`, `cancelled`, ... once it is completed.
        labels: What its runner must have.
        runner: Name of the runner that took it; None while nobody has.
        created_at: When it was queued, as ISO 8601 in UTC.
        page: Where people see it.
    """

    id: int
    name: str
    status: str
    conclusion: str | None
    labels: tuple[str, ...]
    runner: str | None
    created_at: str
    page: str

    @classmethod
    def read(cls, data: Json) -> "Job":
        """A job as the API writes it."""
        return cls(
            id=data["id"],
            name=data["name"],
            status=data["status"],
            conclusion=data.get("conclusion"),
            labels=tuple(data.get("labels", ())),
            runner=data.get("runner_name") or None,
            created_at=data.get("created_at") or "",
            page=data.get("html_url") or "",
        )


class Actions:
    """The runs of a repository's workflows."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._transport, self._base = transport, f"repos/{repository}/actions"
        self._checks = f"repos/{repository}/check-runs"

    def run(self, run_id: int) -> Run:
        """A run."""
        return Run.read(self._transport.get(f"{self._base}/runs/{run_id}"))

    def runs(self, workflow: str, **filters: Any) -> list[Run]:
        """Runs of a workflow, newest first.

        Args:
            workflow: Its file name, such as nightly.yml.
            filters: `branch`, `event`, `status`, ... as the API takes them.
        """
        path = f"{self._base}/workflows/{workflow}/runs"
        return [Run.read(each) for each in self._transport.pages(path, key="workflow_runs", **filters)]

    def latest(self, workflow: str, **filters: Any) -> Run | None:
        """The newest run that the filters let through, without asking for all of them."""
        path = f"{self._base}/workflows/{workflow}/runs"
        return next(map(Run.read, self._transport.pages(path, key="workflow_runs", **filters)), None)

    def at_work(self) -> list[Run]:
        """The runs of all workflows that have a job at work."""
        return [
            Run.read(each)
            for each in self._transport.pages(f"{self._base}/runs", key="workflow_runs", status="in_progress")
        ]

    def jobs(self, run_id: int) -> list[Job]:
        """The jobs of a run's latest attempt."""
        path = f"{self._base}/runs/{run_id}/jobs"
        return [Job.read(each) for each in self._transport.pages(path, key="jobs", filter="latest")]

    def failures(self, job_id: int) -> list[str]:
        """What a job said in annotations of level failure; a job is a check run of the same number.

        https://docs.github.com/en/rest/checks/runs#list-check-run-annotations
        """
        found = self._transport.pages(f"{self._checks}/{job_id}/annotations")
        return [each["message"] for each in found if each["annotation_level"] == "failure"]

    def cancel(self, run_id: int) -> None:
        """Asks a run to stop; GitHub cancels whole runs, not jobs.

        Raises:
            GitHubRefused: It has ended already.
        """
        self._transport.post(f"{self._base}/runs/{run_id}/cancel")

    def force_cancel(self, run_id: int) -> None:
        """Stops a run that does not heed `cancel`, steps with `always()` included."""
        self._transport.post(f"{self._base}/runs/{run_id}/force-cancel")
