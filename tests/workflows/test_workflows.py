"""Workflows grant nothing by default, pin what they use, end in time, and call sessions that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SESSIONS = set(re.findall(r"@nox\.session(?:\(name=\"(.+?)\"\))?\ndef (\w+)", (ROOT / "noxfile.py").read_text()))
PINNED = re.compile(r"^\s*-? ?uses: \S+@[0-9a-f]{40} # v\d+(\.\d+)*$")


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


@pytest.fixture
def workflow(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def test_nothing_is_granted_by_default(workflow: dict[str, Any]) -> None:
    """Permissions are empty at the top; a job that needs one says so itself."""
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_every_job_ends(workflow: dict[str, Any]) -> None:
    """No job may hang for the six hours that GitHub allows."""
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_actions_are_pinned(path: Path) -> None:
    """Actions are pinned by full commit with the version beside it."""
    uses = [line for line in path.read_text().splitlines() if "uses:" in line]

    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


def test_checkout_keeps_no_credentials(workflow: dict[str, Any]) -> None:
    """The token of the checkout does not stay on the disk for later steps."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]

    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_contexts_reach_shells_through_env_only(workflow: dict[str, Any]) -> None:
    """An expression inside a script would let a branch name run commands."""
    scripts = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]

    assert [script for script in scripts if "${{" in script] == []


def test_sessions_exist(workflow: dict[str, Any]) -> None:
    """Every session that a matrix names is one of the noxfile."""
    known = {name or function for name, function in SESSIONS}
    named = {
        session
        for job in workflow["jobs"].values()
        for session in job.get("strategy", {}).get("matrix", {}).get("session", [])
    }

    assert named <= known
