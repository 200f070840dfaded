"""The workflows and actions of a repository, as GitHub's parser understands them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path

from tests.workflows.github import Document, GitHub

__all__ = ["Place", "Repository", "read", "read_again"]

WORKFLOWS = Path(".github") / "workflows"
ACTIONS = Path(".github") / "actions"


@dataclass(frozen=True)
class Place:
    """Where a step stands.

    Attributes:
        file: The workflow's or action's file, from the root.
        job: The job, none in an action.
        index: Its number in the list.
    """

    file: str
    job: str | None
    index: int

    def __str__(self) -> str:
        return f"{self.file}: {f'job {self.job}, ' if self.job else ''}step {self.index + 1}"


@dataclass(frozen=True)
class Repository:
    """What GitHub knows of a checkout before anything runs.

    Attributes:
        root: The checkout.
        workflows: Documents by the file's path from the root; one with errors has none.
        actions: Documents of local actions by their file's path from the root.
        errors: What the parser says against each file.
        texts: The files as they are written.
    """

    root: Path
    workflows: Mapping[str, Document] = field(repr=False)
    actions: Mapping[str, Document] = field(repr=False)
    errors: Mapping[str, list[str]]
    texts: Mapping[str, str] = field(repr=False)

    def jobs(self) -> Iterator[tuple[str, str, Document]]:
        """File, name and document of every job."""
        for file, workflow in self.workflows.items():
            for name, job in workflow.get("jobs", {}).items():
                yield file, name, job

    def steps(self) -> Iterator[tuple[Place, Document]]:
        """Every step of jobs and of composite actions."""
        for file, name, job in self.jobs():
            for index, step in enumerate(job.get("steps", [])):
                yield Place(file, name, index), step
        for file, action in self.actions.items():
            for index, step in enumerate(action.get("runs", {}).get("steps", [])):
                yield Place(file, None, index), step

    def action(self, uses: str) -> Document | None:
        """The local action that `uses: ./…` names, if it is there."""
        return self.actions.get(str(self.action_file(uses)))

    def action_file(self, uses: str) -> Path:
        """Where the file of a local action lies, or would lie."""
        return Path(uses) / "action.yml"

    def workflow(self, uses: str) -> Document | None:
        """The local reusable workflow that `uses: ./…` names, if it is there."""
        return self.workflows.get(str(Path(uses)))


def read(github: GitHub, root: Path) -> Repository:
    """Reads every workflow and every local action below `root`."""
    nothing = Repository(root, {}, {}, {}, {})
    files = [*sorted((root / WORKFLOWS).glob("*.yml")), *sorted((root / ACTIONS).rglob("action.yml"))]
    return reduce(lambda known, file: read_again(github, known, str(file.relative_to(root))), files, nothing)


def read_again(github: GitHub, repository: Repository, file: str) -> Repository:
    """What is known after one file was added or changed."""
    errors, document = github.read(repository.root, file)
    kind = "workflows" if Path(file).parent == WORKFLOWS else "actions"
    others = {path: known for path, known in getattr(repository, kind).items() if path != file}
    return replace(
        repository,
        errors={**repository.errors, file: errors},
        texts={**repository.texts, file: (repository.root / file).read_text(encoding="utf-8")},
        **{kind: others if errors else {**others, file: document}},
    )
