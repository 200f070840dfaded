"""What no workflow may do, whatever it is for. A rule is a generator of faults; its docstring is the rule.

The reasons stand with GitHub: https://docs.github.com/en/actions/reference/security/secure-use
"""

import re
from collections.abc import Iterator

from tests.workflows.github import Document, expressions
from tests.workflows.references import Rule
from tests.workflows.repository import Repository

__all__ = ["POLICY"]

PINNED = re.compile(r"^\s*(?:- )?uses: (?P<action>[\w./-]+)@(?P<sha>[0-9a-f]{40}) # (?P<version>v\d+(?:\.\d+)*)$")
GRANT = re.compile(r"^\s+[a-z-]+: (?:read|write)\b(?P<reason>.*)$")
HOSTILE_TRIGGERS = {"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion_comment"}
LONGEST = 360  # minutes; what GitHub's own runners allow


def nothing_is_granted_by_default(repository: Repository) -> Iterator[str]:
    """Permissions are empty at the top of a workflow; each job says itself what it needs."""
    for file, workflow in repository.workflows.items():
        if workflow.get("permissions") != {}:
            yield f"{file}: permissions at the top are {workflow.get('permissions')}"
    for file, name, job in repository.jobs():
        if not isinstance(job.get("permissions"), dict):
            yield f"{file}: job {name}: permissions are {job.get('permissions')}"


def each_grant_has_a_reason(repository: Repository) -> Iterator[str]:
    """Beside each permission stands what needs it."""
    for file in repository.workflows:
        for number, line in enumerate(repository.texts[file].splitlines(), 1):
            match = GRANT.match(line)
            if match and not re.match(r"\s+# \w", match["reason"]):
                yield f"{file}:{number}: {line.strip()} without a reason"


def jobs_end(repository: Repository) -> Iterator[str]:
    """No job runs without a limit of its own; GitHub's is six hours, and five days on a self-hosted runner."""
    for file, name, job in repository.jobs():
        minutes = job.get("timeout-minutes")
        if "uses" not in job and (minutes is None or (isinstance(minutes, int) and minutes > LONGEST)):
            yield f"{file}: job {name}: timeout-minutes is {minutes}"


def runs_wait_for_each_other(repository: Repository) -> Iterator[str]:
    """Each workflow that an event starts says which runs exclude each other; none is cancelled while it may write."""
    for file, workflow in repository.workflows.items():
        triggers = set(workflow["on"]) if not isinstance(workflow["on"], str) else {workflow["on"]}
        if triggers == {"workflow_call"}:
            continue
        concurrency = workflow.get("concurrency")
        if not isinstance(concurrency, dict) or "cancel-in-progress" not in concurrency:
            yield f"{file}: no concurrency with group and cancel-in-progress"
        elif concurrency["cancel-in-progress"] is not False and _written(workflow) - {"security-events"}:
            yield f"{file}: a later run cancels one that may be writing {', '.join(_written(workflow))}"


def jobs_of_reusable_workflows_wait(repository: Repository) -> Iterator[str]:
    """Each job of a workflow that others call says which runs of it exclude each other, and none cancels another."""
    for file, workflow in repository.workflows.items():
        for name, job in workflow["jobs"].items() if "workflow_call" in workflow["on"] else ():
            if job.get("concurrency", {}).get("cancel-in-progress") is not False:
                yield f"{file}: job {name}: concurrency is {job.get('concurrency')}"


def last_jobs_wait_for_all(repository: Repository) -> Iterator[str]:
    """A job that runs whatever happens is there to say how all the others ended, and waits for each of them."""
    for file, name, job in repository.jobs():
        if expressions(job.get("if")) == ["always()"]:
            missing = set(repository.workflows[file]["jobs"]) - {name, *job["needs"]}
            yield from (f"{file}: job {name} does not wait for {each}" for each in sorted(missing))


def actions_are_pinned(repository: Repository) -> Iterator[str]:
    """Other people's actions are pinned by commit, with the version beside it, the same one everywhere."""
    seen: dict[str, str] = {}
    for file, text in repository.texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if not re.match(r"\s*(- )?uses: ", line) or re.match(r"\s*(- )?uses: \./", line):
                continue
            match = PINNED.match(line)
            if match is None:
                yield f"{file}:{number}: {line.strip()}"
            elif seen.setdefault(match["action"], match["sha"]) != match["sha"]:
                yield f"{file}:{number}: {match['action']} is another commit elsewhere"


def scripts_hold_no_expressions(repository: Repository) -> Iterator[str]:
    """A value reaches a shell through `env`; inside a script a branch name could be a command."""
    for place, step in repository.steps():
        for part in ("run", "shell", "working-directory"):
            yield from (f"{place}: {part} holds {expression}" for expression in expressions(step.get(part)))


def checkouts_keep_no_token(repository: Repository) -> Iterator[str]:
    """The token of the checkout does not stay on the disk for later steps."""
    for place, step in repository.steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            kept = step.get("with", {}).get("persist-credentials")
            if kept not in (False, "false"):
                yield f"{place}: persist-credentials is {kept}"


def nobody_elses_code_gets_a_token(repository: Repository) -> Iterator[str]:
    """No workflow starts with this repository's rights on something that a stranger can write."""
    for file, workflow in repository.workflows.items():
        triggers = {workflow["on"]} if isinstance(workflow["on"], str) else set(workflow["on"])
        yield from (f"{file}: {trigger}" for trigger in sorted(triggers & HOSTILE_TRIGGERS))


def secrets_are_named(repository: Repository) -> Iterator[str]:
    """A reusable workflow is given secrets one by one; none is in the environment of a whole job or workflow."""
    for file, name, job in repository.jobs():
        if job.get("secrets") == "inherit":
            yield f"{file}: job {name} hands over all secrets"
        if any("secrets." in expression for expression in expressions(job.get("env"))):
            yield f"{file}: job {name} has a secret in the environment of all its steps"
    for file, workflow in repository.workflows.items():
        if any("secrets." in expression for expression in expressions(workflow.get("env"))):
            yield f"{file} has a secret in the environment of all its jobs"


def changes_ask_for_no_secret(repository: Repository) -> Iterator[str]:
    """Nothing that a pull request starts mentions a secret, not even to hand it on."""
    for file, workflow in repository.workflows.items():
        if "pull_request" in workflow["on"]:
            yield from (f"{file}: {each}" for each in expressions(workflow) if re.search(r"\bsecrets\b", each))


def callers_grant_enough(repository: Repository) -> Iterator[str]:
    """A job that calls a workflow grants what the jobs in there ask for; GitHub refuses the whole run otherwise."""
    rank = {"none": 0, "read": 1, "write": 2}
    for file, name, job in repository.jobs():
        called = repository.workflow(job["uses"]) if job.get("uses", "").startswith("./") else None
        for inner, its in (called or {"jobs": {}})["jobs"].items():
            for grant, wanted in its["permissions"].items():
                granted = job["permissions"].get(grant, "none")
                if rank[granted] < rank[wanted]:
                    yield f"{file}: job {name} grants {grant}: {granted}, and its job {inner} asks for {wanted}"


POLICY: tuple[Rule, ...] = (
    nothing_is_granted_by_default,
    each_grant_has_a_reason,
    jobs_end,
    runs_wait_for_each_other,
    jobs_of_reusable_workflows_wait,
    last_jobs_wait_for_all,
    actions_are_pinned,
    scripts_hold_no_expressions,
    checkouts_keep_no_token,
    nobody_elses_code_gets_a_token,
    secrets_are_named,
    changes_ask_for_no_secret,
    callers_grant_enough,
)


def _written(workflow: Document) -> set[str]:
    grants = [grant for job in workflow["jobs"].values() for grant in job.get("permissions", {}).items()]
    return {name for name, access in grants if access == "write"}
