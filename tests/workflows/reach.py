"""What an event gets hold of: machines, secrets, tokens and caches of the jobs that it starts.

`reached` takes a scenario through every workflow that its event starts; `faults` says what must not be among the jobs
then, whatever their names.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tests.workflows.github import Document, GitHub, as_text, expressions
from tests.workflows.jobs import Conductor, Job, Outcome
from tests.workflows.repository import Repository
from tests.workflows.scenarios import CALLER, Scenario

__all__ = ["ReachedStep", "faults", "reached", "steps_of", "summary"]

STATUSES = ("success", "failure", "cancelled")
HOSTED = re.compile(r"ubuntu-\d+\.\d+(-arm)?")
OWN_TOKEN = "GITHUB_TOKEN"  # every job has it, with the permissions of the job
NAMED = re.compile(r"\bsecrets\.(\w+)")
HANDED = re.compile(r"\bsecrets\.(\w+)(?!\w| *!= '')")  # asking whether a secret is set hands nothing over
# What the token of a pull request may write; GitHub takes even that from a fork.
WRITABLE = {"security-events"}
# What a token may write only where the rules of an environment say who must agree.
DECIDED = {"contents", "id-token", "packages"}


@dataclass(frozen=True)
class ReachedStep:
    """A step that may run.

    Attributes:
        document: The step.
        depth: In how many local actions it lies.
        when: After which of success, failure and cancellation of the steps before it; all, if an earlier step decides.
    """

    document: Document
    depth: int
    when: tuple[str, ...]


def reached(github: GitHub, repository: Repository, scenario: Scenario) -> dict[str, list[Job]]:
    """The jobs that run, by workflow; a workflow that is not started is not there."""
    if scenario.caller is not None:
        repository = replace(repository, workflows={**repository.workflows, CALLER: scenario.caller})
    home = "template/riva-ci" if scenario.caller is not None else None
    ran: dict[str, list[Job]] = {}
    for file, workflow in repository.workflows.items():
        if file == CALLER if scenario.caller is not None else scenario.event.starts(file, workflow):
            jobs = ran.setdefault(file, [])

            def perform(job: Job, jobs: list[Job] = jobs) -> Outcome:
                jobs.append(job)
                return scenario.outcome(job)

            secrets = dict.fromkeys(scenario.secrets, "***")
            Conductor(github, repository, scenario.event, perform, secrets, scenario.variables, home).run(file)
    return ran


def summary(ran: Mapping[str, list[Job]]) -> dict[str, list[str]]:
    """The jobs as a scenario names them: path and labels, those of a matrix once if they do not differ."""
    return {file: sorted({f"{job.path}: {' '.join(job.runs_on)}" for job in jobs}) for file, jobs in ran.items()}


def steps_of(github: GitHub, repository: Repository, job: Job) -> Iterator[ReachedStep]:
    """The steps of a job that may run, those of local actions included."""
    runner = {"os": "Linux", "arch": "X64", "temp": "/runner/temp", "environment": "github-hosted"}
    contexts = {**job.contexts, "runner": runner, "steps": {}}
    yield from _steps(github, repository, job.document["steps"], contexts, depth=0)


def _steps(
    github: GitHub, repository: Repository, steps: list[Document], contexts: Document, *, depth: int
) -> Iterator[ReachedStep]:
    for step in steps:
        condition = step.get("if", {"$expression": "success()"})
        if any("steps." in expression or "hashFiles" in expression for expression in expressions(condition)):
            when = STATUSES
        else:
            when = tuple(status for status in STATUSES if github.evaluate(condition, contexts, status=status))
        if not when:
            continue
        yield ReachedStep(step, depth, when)
        action = repository.action(step["uses"]) if step.get("uses", "").startswith("./") else None
        if action is not None:
            declared = {name: (entry or {}).get("default", "") for name, entry in action.get("inputs", {}).items()}
            given = github.evaluate({**declared, **step.get("with", {})}, contexts)
            inside = {**contexts, "inputs": {name: as_text(value) for name, value in given.items()}}
            yield from _steps(github, repository, action["runs"]["steps"], inside, depth=depth + 1)


def faults(github: GitHub, repository: Repository, scenario: Scenario) -> Iterator[str]:
    """What an event gets hold of and must not."""
    for file, jobs in reached(github, repository, scenario).items():
        for job in jobs:
            where = f"{file}: {job}"
            if scenario.event.name == "pull_request":
                yield from (f"{where} {fault}" for fault in _of_change(job))
            if file.endswith("/release.yml"):
                caches = [step.document for step in steps_of(github, repository, job) if _caches(step.document)]
                yield from (f"{where} restores a cache: {step['uses']}" for step in caches)
            if job.environment is None:
                yield from (f"{where} has {name} outside an environment" for name in _secrets(job.document, HANDED))
                yield from (f"{where} may write {name} outside an environment" for name in _written(job) & DECIDED)
                if not _is_hosted(job):
                    yield f"{where} runs on {', '.join(job.runs_on)} outside an environment"


def _of_change(job: Job) -> Iterator[str]:
    """Against a job that runs code nobody has reviewed: hosted runners, no secrets, nothing to write."""
    if not _is_hosted(job):
        yield f"runs on {', '.join(job.runs_on)}"
    if job.environment is not None:
        yield f"enters the environment {job.environment}"
    yield from (f"asks for {name}" for name in _secrets(job.document, NAMED))
    yield from (f"may write {name}" for name in _written(job) - WRITABLE)


def _is_hosted(job: Job) -> bool:
    """Whether a job runs on a machine of GitHub's, which nobody uses after it."""
    return len(job.runs_on) == 1 and HOSTED.fullmatch(job.runs_on[0]) is not None


def _written(job: Job) -> set[str]:
    if not isinstance(job.permissions, dict):
        return {f"everything ({job.permissions})"}
    return {name for name, grant in job.permissions.items() if grant == "write"}


def _caches(step: Document) -> bool:
    uses = step.get("uses", "./").split("@")[0]
    return not uses.startswith("./") and ("cache" in uses.split("/") or bool(step.get("with", {}).get("cache")))


def _secrets(value: Document, pattern: re.Pattern[str]) -> list[str]:
    found = {name for expression in expressions(value) for name in pattern.findall(expression)}
    whole = {"all secrets" for expression in expressions(value) if re.search(r"\bsecrets\b(?!\.)", expression)}
    return sorted((found | whole) - {OWN_TOKEN})
