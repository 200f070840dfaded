"""Workflows and actions of this repository name what is there, and keep the rules of the house."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.workflows import repository
from tests.workflows.github import GitHub
from tests.workflows.policy import POLICY
from tests.workflows.references import REFERENCES, Rule
from tests.workflows.repository import Repository


@pytest.mark.parametrize("rule", [*REFERENCES, *POLICY], ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Rule, ours: Repository) -> None:
    """What the rule says, which is its docstring, is true of every workflow and every action."""
    assert ours.workflows
    assert list(rule(ours)) == []


WORKFLOW = """
on:
  push: {}
  workflow_call: {inputs: {name: {type: string, required: true, description: a name}}}
permissions: {}
jobs:
  first:
    runs-on: ubuntu-24.04
    permissions: {}
    timeout-minutes: 5
    outputs: {said: "${{ steps.say.outputs.said }}"}
    steps:
      - id: say
        run: echo "said=$NAME" >>"$GITHUB_OUTPUT"
        env: {NAME: "${{ inputs.name }}"}
      - STEP
  second:
    needs: [first]
    permissions: {}
    JOB
"""
ACTION = """
name: it
description: an action
inputs: {name: {description: a name, required: true}}
runs: {using: composite, steps: [{run: echo "$NAME", shell: bash, env: {NAME: "${{ inputs.name }}"}}]}
"""
USE = "uses: ./.github/actions/it"
CALL = "uses: ./.github/workflows/it.yml"
FINE = {
    "STEP": f"{{{USE}, with: {{name: x}}}}",
    "JOB": f"{CALL}\n    with: {{name: '${{{{ needs.first.outputs.said }}}}'}}",
}
FAULTS = {
    "a key that is none": ({"STEP": "runs: 'true'"}, "files_are_read_by_github"),
    "a context that is not there": ({"STEP": "{run: 'true', if: needed.x}"}, "files_are_read_by_github"),
    "an action that is not there": ({"STEP": "uses: ./.github/actions/none"}, "local_parts_are_there"),
    "an action without its input": ({"STEP": USE}, "inputs_match"),
    "an input too many": ({"STEP": f"{{{USE}, with: {{name: x, other: y}}}}"}, "inputs_match"),
    "a workflow that is not there": ({"JOB": "uses: ./.github/workflows/none.yml"}, "files_are_read_by_github"),
    "a workflow without its input": ({"JOB": CALL}, "files_are_read_by_github"),
    "an input that nobody declares": ({"STEP": "{run: 'true', if: inputs.other}"}, "inputs_are_declared"),
    "an output that no job has": (
        {"JOB": f"{CALL}\n    with: {{name: '${{{{ needs.first.outputs.told }}}}'}}"},
        "outputs_of_jobs_are_defined",
    ),
    "an output that no step sets": ({"STEP": "{run: 'true', if: steps.say.outputs.told}"}, "outputs_of_steps_are_set"),
    "a step that is not there": ({"STEP": "{run: 'true', if: steps.last.outcome}"}, "outputs_of_steps_are_set"),
    "a session that is none": ({"STEP": "run: ./scripts/nox -s parade"}, "sessions_exist"),
}


def broken(github: GitHub, folder: Path, parts: Mapping[str, str]) -> set[str]:
    """The rules about names that a workflow with these parts breaks."""
    text = WORKFLOW
    for name, part in parts.items():
        text = text.replace(name, part, 1)
    for name, content in (("workflows/it.yml", text), ("actions/it/action.yml", ACTION)):
        file = folder / ".github" / name
        file.parent.mkdir(parents=True)
        file.write_text(content)
    known = repository.read(github, folder)
    return {rule.__name__ for rule in REFERENCES if list(rule(known))}


@pytest.mark.parametrize(("parts", "rule"), FAULTS.values(), ids=FAULTS)
def test_fault_is_seen(parts: dict[str, str], rule: str, github: GitHub, tmp_path: Path) -> None:
    """Each rule about names complains of a workflow with one wrong name, and without it does not."""
    assert rule in broken(github, tmp_path / "wrong", {**FINE, **parts})
    assert broken(github, tmp_path / "right", FINE) == set()
