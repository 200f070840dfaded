"""What an event gets hold of: machines, secrets, tokens and caches of the jobs that it starts.

`reached` takes a scenario through every workflow that its event starts; `faults` says what must not be among the jobs
then, whatever their names.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.workflows.github import Document, GitHub, expressions
from tests.workflows.jobs import Conductor, Job, Outcome
from tests.workflows.repository import Repository
from tests.workflows.scenarios import Scenario

__all__ = ["faults", "reached", "steps_of"]

HOSTED = re.compile(r"ubuntu-\d+\.\d+(-arm)?")
OWN_TOKEN = "GITHUB_TOKEN"  # every job has it, with the permissions of the job
# What the token of a pull request may write; GitHub takes even that from a fork.
WRITABLE = {"security-events"}


def reached(github: GitHub, repository: Repository, scenario: Scenario) -> dict[str, list[Job]]:
    """The jobs that run, by workflow; a workflow that is not started is not there."""
    ran: dict[str, list[Job]] = {}
    for file, workflow in repository.workflows.items():
        if scenario.event.starts(file, workflow):
            jobs = ran.setdefault(file, [])

            def perform(job: Job, jobs: list[Job] = jobs) -> Outcome:
                jobs.append(job)
                return scenario.outcome(job)

            secrets = dict.fromkeys(scenario.secrets, "***")
            Conductor(github, repository, scenario.event, perform, secrets, scenario.variables).run(file)
    return ran


def steps_of(github: GitHub, repository: Repository, job: Job) -> Iterator[tuple[Document, Document]]:
    """The steps of a job that may run, those of local actions included, each with the inputs of its action.

    A condition on what an earlier step said is taken to hold.
    """
    yield from _steps(github, repository, job.document.get("steps", []), job.contexts)


def _steps(
    github: GitHub, repository: Repository, steps: list[Document], contexts: Document
) -> Iterator[tuple[Document, Document]]:
    runner = {"os": "Linux", "arch": "X64", "temp": "/runner/temp", "tool_cache": "/runner/tools"}
    known = {"runner": runner, "job": {"status": "success"}, "steps": {}, **contexts}
    for step in steps:
        condition = step.get("if")
        unknown = any("steps." in expression or "hashFiles" in expression for expression in expressions(condition))
        if condition and not unknown and not github.evaluate(condition, known):
            continue
        yield step, known
        action = repository.action(step["uses"]) if step.get("uses", "").startswith("./") else None
        if action is not None:
            declared = {name: (entry or {}).get("default", "") for name, entry in action.get("inputs", {}).items()}
            given = github.evaluate({**declared, **step.get("with", {})}, known)
            yield from _steps(github, repository, action["runs"]["steps"], {**contexts, "inputs": given})


def faults(github: GitHub, repository: Repository, scenario: Scenario) -> Iterator[str]:
    """What an event gets hold of and must not."""
    for file, jobs in reached(github, repository, scenario).items():
        for job in jobs:
            where = f"{file}: {job}"
            if scenario.event.name == "pull_request":
                yield from (f"{where} {fault}" for fault in _of_change(job))
            if file.endswith("/release.yml"):
                caches = [step for step, _ in steps_of(github, repository, job) if _caches(step)]
                yield from (f"{where} restores a cache: {step['uses']}" for step in caches)
            handed = _secrets(
                job.document, pattern=r"\bsecrets\.(\w+)(?!\w| *!= '')"
            )  # asking whether it is set is not
            if job.environment is None and handed:
                yield f"{where} has secrets outside an environment: {', '.join(handed)}"


def _of_change(job: Job) -> Iterator[str]:
    """Against a job that runs code nobody has reviewed: hosted runners, no secrets, nothing to write."""
    if len(job.runs_on) != 1 or not HOSTED.fullmatch(job.runs_on[0]):
        yield f"runs on {', '.join(job.runs_on)}"
    if job.environment is not None:
        yield f"enters the environment {job.environment}"
    if _secrets(job.document):
        yield f"asks for {', '.join(_secrets(job.document))}"
    if not isinstance(job.permissions, dict):
        yield f"has the permissions {job.permissions}"
    else:
        written = [name for name, grant in job.permissions.items() if grant == "write" and name not in WRITABLE]
        yield from (f"may write {name}" for name in written)


def _caches(step: Document) -> bool:
    uses = step.get("uses", "./").split("@")[0]
    return not uses.startswith("./") and ("cache" in uses.split("/") or bool(step.get("with", {}).get("cache")))


def _secrets(value: Any, pattern: str = r"\bsecrets\.(\w+)") -> list[str]:
    found = {name for expression in expressions(value) for name in re.findall(pattern, expression)}
    whole = {"all of them" for expression in expressions(value) if re.search(r"\bsecrets\b(?!\.)", expression)}
    return sorted((found | whole) - {OWN_TOKEN})
