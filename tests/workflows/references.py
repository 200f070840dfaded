"""What workflow files name must be there: actions, inputs, outputs, jobs, sessions, modules.

A rule is a generator of faults; its docstring is the rule.
"""

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ci.environments import ROOT
from tests.workflows.github import Document, expressions
from tests.workflows.repository import Repository

__all__ = ["REFERENCES"]

Rule = Callable[[Repository], Iterator[str]]

SESSIONS = {
    name or function
    for name, function in re.findall(
        r"@nox\.session(?:\(name=\"(.+?)\"\))?\ndef (\w+)", (ROOT / "noxfile.py").read_text()
    )
}
# What set_output of ci/github.py is called with stands in these files as text.
OUTPUTS = "\n".join(text for path in (ROOT / "ci").rglob("*.py") if "set_output" in (text := path.read_text()))
# Outputs of other people's actions, from the action.yml of the pinned commit.
FOREIGN_OUTPUTS: Mapping[str, frozenset[str]] = {
    "actions/attest": frozenset({"attestation-id", "attestation-url", "bundle-path"}),
    "actions/attest-build-provenance": frozenset({"attestation-id", "attestation-url", "bundle-path"}),
    "actions/cache": frozenset({"cache-hit"}),
    "actions/cache/restore": frozenset({"cache-hit", "cache-matched-key", "cache-primary-key"}),
    "actions/checkout": frozenset({"commit", "ref"}),
    "actions/download-artifact": frozenset({"download-path"}),
    "actions/setup-python": frozenset({"cache-hit", "python-path", "python-version"}),
    "actions/upload-artifact": frozenset({"artifact-digest", "artifact-id", "artifact-url"}),
    "github/codeql-action/upload-sarif": frozenset({"sarif-id"}),
}


def files_are_read_by_github(repository: Repository) -> Iterator[str]:
    """GitHub's own parser has nothing to say against any file."""
    for file, errors in repository.errors.items():
        yield from (f"{file}: {error}" for error in errors)


def local_parts_are_there(repository: Repository) -> Iterator[str]:
    """Each `uses: ./…` of a step names an action of this repository; each action and reusable workflow is used here.

    Reusable workflows, and what they are given, are the parser's own affair.
    """
    used = {job["uses"].removeprefix("./") for *_, job in repository.jobs() if job.get("uses", "").startswith("./")}
    for place, step in repository.steps():
        if step.get("uses", "").startswith("./"):
            used.add(str(repository.action_file(step["uses"])))
            if repository.action(step["uses"]) is None:
                yield f"{place}: there is no {step['uses']}"
    callable_alone = {
        file for file, workflow in repository.workflows.items() if list(workflow["on"]) == ["workflow_call"]
    }
    for file in sorted({*callable_alone, *repository.actions} - used):
        yield f"{file} is used nowhere in this repository"


def inputs_match(repository: Repository) -> Iterator[str]:
    """Local actions are given every input that they require and none that they do not have."""
    for place, step in repository.steps():
        action = repository.action(step.get("uses", ""))
        if action is not None:
            given, declared = step.get("with", {}), action.get("inputs", {})
            for name, declaration in declared.items():
                if (declaration or {}).get("required") in (True, "true") and name not in given:
                    yield f"{place}: does not give {name}, which is required"
            yield from (f"{place}: gives {name}, which is not declared" for name in given if name not in declared)


def inputs_are_declared(repository: Repository) -> Iterator[str]:
    """Each `inputs.…` of an expression is declared where its file begins, and each declared one is used."""
    for file, document in {**repository.workflows, **repository.actions}.items():
        on = document.get("on", {})
        triggers = [on[each] or {} for each in ("workflow_call", "workflow_dispatch") if each in on]
        declared = {name for each in (document, *triggers) for name in each.get("inputs", {})}
        used = _named(r"\binputs\.([\w-]+)", document)
        yield from (f"{file}: inputs.{name} is not declared" for name in sorted(used - declared))
        yield from (f"{file}: the input {name} is used nowhere" for name in sorted(declared - used))


def inputs_are_described(repository: Repository) -> Iterator[str]:
    """Inputs, outputs and secrets of reusable workflows and of actions say what they are."""
    for file, document in {**repository.workflows, **repository.actions}.items():
        on = document.get("on", {})
        callable_part = on.get("workflow_call") if isinstance(on, dict) else None
        for part in (callable_part or {}, document if file in repository.actions else {}):
            for kind in ("inputs", "outputs", "secrets"):
                for name, declaration in part.get(kind, {}).items():
                    if not (declaration or {}).get("description"):
                        yield f"{file}: {kind[:-1]} {name} has no description"


def outputs_of_jobs_are_defined(repository: Repository) -> Iterator[str]:
    """Each `needs.…` names a job that is waited for, and an output that it has; so do the outputs of workflows."""
    for file, workflow in repository.workflows.items():
        outputs = {name: _outputs_of(repository, job) for name, job in workflow["jobs"].items()}
        for name, job in workflow["jobs"].items():
            needs = job.get("needs", [])
            for needed, output in _pairs("needs", job):
                if needed not in ([needs] if isinstance(needs, str) else needs):
                    yield f"{file}: job {name} reads needs.{needed} without waiting for it"
                elif output and output not in outputs[needed]:
                    yield f"{file}: job {name} reads output {output} of {needed}, which has none of that name"
        for job, output in _pairs("jobs", workflow["on"]):
            if output not in outputs.get(job, ()):
                yield f"{file}: gives output {output} of {job}, which has none of that name"


def outputs_of_steps_are_set(repository: Repository) -> Iterator[str]:
    """Each `steps.….outputs.…` names a step before, and something that this step sets."""
    lists = [(f"{file}: job {name}", job.get("steps", []), job) for file, name, job in repository.jobs()]
    lists += [(file, action["runs"].get("steps", []), action) for file, action in repository.actions.items()]
    for where, steps, whole in lists:
        ids = {step["id"]: index for index, step in enumerate(steps) if "id" in step}
        for index, step in enumerate(steps):
            for named, _ in _pairs("steps", step):
                if ids.get(named, index) >= index:
                    yield f"{where}, step {index + 1}: no step before has the id {named}"
        for named, output in _pairs("steps", whole):
            if named not in ids:
                yield f"{where}: no step has the id {named}"
            elif output and not _sets(repository, steps[ids[named]], output):
                yield f"{where}: step {named} never sets the output {output}"


def sessions_exist(repository: Repository) -> Iterator[str]:
    """Each nox session that a script or a matrix names is in the noxfile, and each `python -m` is a module."""
    for place, step in repository.steps():
        script = step.get("run", "")
        if not isinstance(script, str):
            continue
        for session in re.findall(r"nox -s ([\w-]+)", script):
            if session not in SESSIONS:
                yield f"{place}: there is no session {session}"
        for module in re.findall(r"-m ((?:ci|pipelines|scripts)[\w.]*)", script):
            if importlib.util.find_spec(module) is None:
                yield f"{place}: there is no module {module}"
    for file, name, job in repository.jobs():
        matrix = job.get("strategy", {}).get("matrix", {})
        named = matrix.get("session", []) if isinstance(matrix, dict) else []
        yield from (f"{file}: job {name}: there is no session {each}" for each in named if each not in SESSIONS)


REFERENCES: tuple[Rule, ...] = (
    files_are_read_by_github,
    local_parts_are_there,
    inputs_match,
    inputs_are_declared,
    inputs_are_described,
    outputs_of_jobs_are_defined,
    outputs_of_steps_are_set,
    sessions_exist,
)


def _outputs_of(repository: Repository, job: Document) -> set[str]:
    if not job.get("uses", "").startswith("./"):
        return set(job.get("outputs", {}))
    called = repository.workflow(job["uses"]) or {"on": {}}
    return set((called["on"].get("workflow_call") or {}).get("outputs", {}))


def _sets(repository: Repository, step: Document, output: str) -> bool:
    uses = step.get("uses", "")
    if uses.startswith("./"):
        action = repository.action(uses)
        return action is not None and output in action.get("outputs", {})
    if uses:
        return output in FOREIGN_OUTPUTS.get(uses.split("@")[0], ())
    return f"{output}=" in step["run"] or f'"{output}"' in OUTPUTS


def _pairs(context: str, value: Any) -> set[tuple[str, str]]:
    """What expressions read of a context of jobs or steps: name and output, which is empty for `result` and so on."""
    pattern = rf"\b{context}\.([\w-]+)(?:\.outputs\.([\w-]+))?"
    return {pair for expression in expressions(value) for pair in re.findall(pattern, expression)}


def _named(pattern: str, value: Any) -> set[str]:
    return {name for expression in expressions(value) for name in re.findall(pattern, expression)}
