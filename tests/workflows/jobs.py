"""Which jobs of a workflow run, in which order, with what: `needs`, conditions, matrices and reusable workflows.

A job's steps are somebody else's affair, who is handed each job whose turn has come and answers with its outcome:
recorded outputs for the question "what would run" (`test_events.py`), a shell for the real thing (`execution.py`).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.workflows.events import TOKEN, Event
from tests.workflows.github import Document, GitHub
from tests.workflows.repository import Repository

__all__ = ["Conductor", "Job", "Outcome"]


@dataclass(frozen=True)
class Job:
    """One job whose turn has come.

    Attributes:
        path: Its name, after the names of the jobs that call its workflow.
        document: The job as the parser understands it.
        contexts: What its expressions may use, except what its own steps add.
        runs_on: The labels that a runner must have; a runner group is one of them.
        permissions: What its token may do.
        environment: The environment whose rules and secrets it has, if any.
    """

    path: str
    document: Document
    contexts: Document
    runs_on: tuple[str, ...]
    permissions: Document | str
    environment: str | None

    def __str__(self) -> str:
        values = [str(each) for each in self.contexts["matrix"].values() if isinstance(each, str | int | bool)]
        return f"{self.path} ({', '.join(values)})" if values else self.path


@dataclass(frozen=True)
class Outcome:
    """How a job ended: success, failure, cancelled or skipped."""

    result: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conductor:
    """Takes one event through a workflow.

    Attributes:
        github: Evaluates expressions.
        repository: Where reusable workflows are found.
        event: What happened.
        perform: Carries a job out.
        secrets: The secrets that the repository has; its fork has none.
        variables: The variables that the repository has (`vars`).
        home: The repository that has the workflows, where another one calls them.
    """

    github: GitHub
    repository: Repository
    event: Event
    perform: Callable[[Job], Outcome]
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    home: str | None = None

    def run(self, file: str) -> dict[str, Outcome]:
        """The outcomes of a workflow's jobs by path, in the order in which they ended."""
        workflow = self.repository.workflows[file]
        contexts = {
            "github": self.event.context(workflow.get("name", file)),
            "job": {
                "workflow_repository": self.home or self.event.payload["repository"]["full_name"],
                "workflow_sha": self.event.sha,
            },
            "inputs": self._dispatched(workflow),
            "vars": dict(self.variables),
            "secrets": {**({} if self.event.from_fork else self.secrets), "GITHUB_TOKEN": TOKEN},
        }
        outcomes: dict[str, Outcome] = {}
        self._run(workflow, contexts, "", outcomes)
        return outcomes

    def _dispatched(self, workflow: Document) -> dict[str, Any]:
        on = workflow["on"]
        if self.event.name != "workflow_dispatch" or not isinstance(on, dict):
            return {}
        return _given(self.event.payload["inputs"], (on["workflow_dispatch"] or {}).get("inputs", {}))

    def _run(self, workflow: Document, contexts: Document, prefix: str, outcomes: dict[str, Outcome]) -> dict[str, Any]:
        """Runs the jobs of a workflow; returns what `needs` and `jobs` know of them."""
        env = self.github.evaluate(workflow.get("env", {}), contexts)
        ended: dict[str, dict[str, Any]] = {}
        for name in _in_order(workflow["jobs"]):
            job = workflow["jobs"][name]
            needs = {each: ended[each] for each in _listed(job.get("needs", []))}
            before = [ended[each]["result"] for each in _ancestors(workflow["jobs"], name)]
            known = {**contexts, "needs": needs, "env": env}
            condition = job.get("if", {"$expression": "success()"})
            runs = self.github.evaluate(
                condition, _only(known, "github", "inputs", "vars", "needs"), status=_status(before)
            )
            inner = [
                self._run_one(workflow, job, {**known, **combination}, f"{prefix}{name}", outcomes)
                for combination in (self._combinations(job, known) if runs else ())
            ]
            merged = {key: value for outcome in inner for key, value in outcome.outputs.items() if value}
            outcomes[f"{prefix}{name}"] = Outcome(_together([outcome.result for outcome in inner]), merged)
            ended[name] = {"result": outcomes[f"{prefix}{name}"].result, "outputs": merged}
        return ended

    def _run_one(
        self, workflow: Document, job: Document, contexts: Document, path: str, outcomes: dict[str, Outcome]
    ) -> Outcome:
        if "uses" in job:
            return self._call(job, contexts, path, outcomes)
        runs_on = self.github.evaluate(job["runs-on"], contexts)
        if isinstance(runs_on, dict):
            runs_on = [*_listed(runs_on.get("labels", [])), *_listed(runs_on.get("group", []))]
        assert all(isinstance(label, str) for label in _listed(runs_on)), f"{path} runs on {runs_on}"
        environment = job.get("environment")
        name = environment["name"] if isinstance(environment, dict) and "name" in environment else environment
        return self.perform(
            Job(
                path=path,
                document=job,
                contexts={**contexts, "env": {**contexts["env"], **self.github.evaluate(job.get("env", {}), contexts)}},
                runs_on=tuple(_listed(runs_on)),
                permissions=job.get("permissions", workflow.get("permissions", "what the repository's settings say")),
                environment=self.github.evaluate(name, contexts),
            )
        )

    def _call(self, job: Document, contexts: Document, path: str, outcomes: dict[str, Outcome]) -> Outcome:
        """Runs a reusable workflow of this repository; it sees what it is given and nothing else of its caller."""
        called = self.repository.workflow(job["uses"])
        assert called is not None, f"{path} uses {job['uses']}, which is not there"
        declared = called["on"]["workflow_call"] or {}
        given = self.github.evaluate(job.get("with", {}), contexts)
        unset = [
            name for name, each in declared.get("inputs", {}).items() if each.get("required") and not given.get(name)
        ]
        assert not unset, f"{path} gives nothing for {', '.join(unset)}"
        secrets = self.github.evaluate(job.get("secrets", {}), contexts)
        inside = {
            "github": contexts["github"],
            "job": contexts["job"],
            "vars": contexts["vars"],
            "inputs": _given(given, declared.get("inputs", {})),
            "secrets": {**secrets, "GITHUB_TOKEN": contexts["secrets"]["GITHUB_TOKEN"]},
        }
        ended = self._run(called, inside, f"{path}/", outcomes)
        values = {name: each["value"] for name, each in declared.get("outputs", {}).items()}
        outputs = self.github.evaluate(values, {**_only(inside, "github", "inputs", "vars"), "jobs": ended})
        return Outcome(_together([each["result"] for each in ended.values()]), outputs)

    def _combinations(self, job: Document, contexts: Document) -> Iterator[Document]:
        """The `matrix` and `strategy` contexts of each job that a job with a matrix stands for."""
        strategy = self.github.evaluate(job.get("strategy", {}), _only(contexts, "github", "inputs", "vars", "needs"))
        combinations = list(_expand(strategy["matrix"])) if "matrix" in strategy else [{}]
        assert combinations, "GitHub fails a job whose matrix is empty"
        for index, matrix in enumerate(combinations):
            about = {"fail-fast": strategy.get("fail-fast", True), "job-index": index, "job-total": len(combinations)}
            yield {"matrix": matrix, "strategy": about}


def _expand(matrix: Document) -> Iterator[dict[str, Any]]:
    """The combinations of a matrix, `exclude` taken out and `include` merged in or added."""
    axes = {name: values for name, values in matrix.items() if name not in ("include", "exclude")}
    base = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
    base = [each for each in base if not any(out.items() <= each.items() for out in matrix.get("exclude", []))]
    added = []
    for extra in matrix.get("include", []):
        axes_of_extra = {name: value for name, value in extra.items() if name in axes}
        fitting = [each for each in base if axes_of_extra.items() <= each.items()]
        for each in fitting:
            each.update(extra)
        if not fitting:
            added.append(dict(extra))
    yield from (*base, *added)


def _given(values: Document, declared: Document) -> dict[str, Any]:
    """Inputs as the `inputs` context has them: declared ones only, typed, with their defaults."""
    empty = {"boolean": False, "number": 0}
    inputs = {}
    for name, declaration in declared.items():
        kind = (declaration or {}).get("type", "string")
        value = values.get(name, (declaration or {}).get("default"))
        value = empty.get(kind, "") if value is None else value
        inputs[name] = value in (True, "true") if kind == "boolean" else value
    return inputs


def _in_order(jobs: Document) -> list[str]:
    """The jobs so that each comes after those that it needs."""
    order: list[str] = []
    while waiting := [name for name in jobs if name not in order]:
        order.append(next(name for name in waiting if set(_listed(jobs[name].get("needs", []))) <= set(order)))
    return order


def _ancestors(jobs: Document, name: str) -> set[str]:
    direct = set(_listed(jobs[name].get("needs", [])))
    return direct.union(*(_ancestors(jobs, each) for each in direct))


def _status(results: list[str]) -> str:
    """What the status functions answer after jobs with these results; one that was skipped is no success."""
    return next((status for status in ("cancelled", "failure", "skipped") if status in results), "success")


def _together(results: list[str]) -> str:
    """The result of a job that stands for several."""
    for result in ("failure", "cancelled", "success"):
        if result in results:
            return result
    return "skipped"


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _only(contexts: Document, *names: str) -> dict[str, Any]:
    """The contexts that GitHub offers at a place; using another there is an error."""
    return {name: contexts[name] for name in names if name in contexts}
