"""Carries out the steps of a job, taken from the YAML itself: scripts and local actions really run.

Not a runner: one machine, bash, one job after the other, no services and no containers. Other people's actions are
played by `equivalents.py`. For people there is `act` (README.md).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.workflows.equivalents import EQUIVALENTS, ActionFailed, Site
from tests.workflows.github import Document, GitHub, as_text
from tests.workflows.jobs import Job, Outcome
from tests.workflows.repository import Repository

__all__ = ["Machine", "StepRecord"]

SHELLS = {"bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), None: ("bash", "-e")}
FILES = ("output", "env", "path", "step_summary", "state")


@dataclass(frozen=True)
class StepRecord:
    """What became of a step.

    Attributes:
        job: Its job.
        name: What the log calls it.
        outcome: success, failure or skipped.
        log: What it printed.
    """

    job: str
    name: str
    outcome: str
    log: str = field(repr=False)


@dataclass
class Machine:
    """Performs the jobs that a `Conductor` hands it, one after the other in one workspace.

    Attributes:
        github: Evaluates expressions.
        repository: Where local actions are found.
        site: What other people's actions work on.
        variables: Of every process, over those of this one; such as GITHUB_API_URL.
        records: What became of the steps so far.
    """

    github: GitHub
    repository: Repository
    site: Site
    variables: Mapping[str, str] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What the page of the run shows."""
        path = self.site.folder / "step_summary"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def __call__(self, job: Job) -> Outcome:
        """Carries out a job."""
        return _Run(self, job).job()


class _Run:
    """One job on the machine: what its steps leave for those after them."""

    def __init__(self, machine: Machine, job: Job) -> None:
        strange = {"container", "defaults", "services"} & set(job.document)
        assert not strange, f"{job}: {', '.join(sorted(strange))} cannot be carried out here"
        self._machine, self._job = machine, job
        self._site = machine.site
        self._site.saves.clear()
        self._path: list[str] = []
        self._exported: dict[str, str] = {}
        self._seconds = 60 * job.document["timeout-minutes"]
        temporary = self._site.folder / "temp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        self._temporary = temporary
        self._site.workspace.mkdir(parents=True, exist_ok=True)
        github = {**job.contexts["github"], "workspace": str(self._site.workspace), "job": job.path.split("/")[-1]}
        github["event_path"] = str(temporary / "event.json")
        (temporary / "event.json").write_text(json.dumps(github["event"]))
        self._contexts = {
            **job.contexts,
            "github": github,
            "runner": {
                "os": "Linux",
                "arch": "X64",
                "name": "test",
                "temp": str(temporary),
                "environment": "github-hosted",
            },
        }

    def job(self) -> Outcome:
        status, outputs = self._steps(self._job.document["steps"], self._contexts)
        if status == "success":
            for folder, kept in self._site.saves:
                if folder.exists():
                    shutil.copytree(folder, kept, symlinks=True)
        values = self._job.document.get("outputs", {})
        return Outcome(status, self._machine.github.evaluate(values, {**self._contexts, "steps": outputs}))

    def _steps(self, steps: list[Document], contexts: Document) -> tuple[str, dict[str, Any]]:
        """Carries steps out in order; returns how they ended together, and the `steps` context."""
        status, done = "success", {}
        for step in steps:
            known = {**contexts, "steps": done, "job": {**contexts["job"], "status": status}}
            known["env"] = {**contexts["env"], **self._exported}
            outcome, outputs = self._step(step, known, status)
            conclusion = outcome
            if outcome == "failure":
                tolerated = self._evaluate(step.get("continue-on-error", False), known)
                conclusion, status = ("success", status) if tolerated in (True, "true") else ("failure", "failure")
            if "id" in step:
                done[step["id"]] = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}
        return status, done

    def _step(self, step: Document, contexts: Document, status: str) -> tuple[str, dict[str, str]]:
        name = str(self._evaluate(step.get("name") or step.get("uses") or step.get("run"), contexts))
        if not self._machine.github.evaluate(
            step.get("if", {"$expression": "success()"}), contexts, status=status, workspace=self._site.workspace
        ):
            self._record(name, "skipped", "")
            return "skipped", {}
        env = {**contexts["env"], **self._evaluate(step.get("env", {}), contexts)}
        contexts = {**contexts, "env": env}
        try:
            if "run" in step:
                outputs = self._script(step, contexts, name)
            elif step["uses"].startswith("./"):
                outputs = self._local_action(step, contexts)
            else:
                equivalent = EQUIVALENTS[step["uses"].split("@")[0]]
                given = {key: as_text(value) for key, value in self._evaluate(step.get("with", {}), contexts).items()}
                outputs = equivalent({key: value for key, value in given.items() if value != ""}, self._site)
        except ActionFailed as error:
            self._record(name, "failure", str(error))
            return "failure", {}
        self._record(name, "success", json.dumps(outputs))
        return "success", outputs

    def _local_action(self, step: Document, contexts: Document) -> dict[str, str]:
        action = self._machine.repository.action(step["uses"])
        assert action is not None, f"there is no {step['uses']}"
        assert (self._site.workspace / step["uses"]).is_dir(), f"{step['uses']} is not checked out"
        declared = {key: (entry or {}).get("default", "") for key, entry in action.get("inputs", {}).items()}
        given = self._evaluate({**declared, **step.get("with", {})}, contexts)
        inside = {**contexts, "inputs": {key: as_text(value) for key, value in given.items()}}
        inside["github"] = {**contexts["github"], "action_path": str(self._site.workspace / step["uses"])}
        status, done = self._steps(action["runs"]["steps"], inside)
        if status != "success":
            raise ActionFailed(f"{step['uses']} failed")
        outputs = {key: entry["value"] for key, entry in action.get("outputs", {}).items()}
        return dict(self._evaluate(outputs, {**inside, "steps": done}))

    def _script(self, step: Document, contexts: Document, name: str) -> dict[str, str]:
        """Runs a script in a shell and reads what it left in the files that GitHub gives it."""
        files = {each: self._temporary / each for each in FILES}
        for file in files.values():
            file.write_text("")
        script = self._temporary / "script.sh"
        script.write_text(step["run"] + "\n")
        minutes = self._evaluate(step.get("timeout-minutes"), contexts)
        done = subprocess.run(
            [*SHELLS[step.get("shell")], script],
            cwd=self._site.workspace / step.get("working-directory", ""),
            env={**self._environment(contexts["github"], files), **{k: as_text(v) for k, v in contexts["env"].items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60 * float(minutes) if minutes else self._seconds,
            check=False,
        )
        with (self._site.folder / "step_summary").open("a", encoding="utf-8") as summary:
            summary.write(files["step_summary"].read_text(encoding="utf-8"))
        self._exported.update(_assignments(files["env"].read_text(encoding="utf-8")))
        self._path = [*files["path"].read_text().split("\n")[:-1], *self._path]
        if done.returncode != 0:
            raise ActionFailed(f"exit code {done.returncode}\n{done.stdout}")
        return _assignments(files["output"].read_text(encoding="utf-8"))

    def _environment(self, github: Document, files: Mapping[str, Path]) -> dict[str, str]:
        """The variables that a runner sets, over those of this machine that are not about another run."""
        foreign = ("GITHUB_", "RUNNER_", "ACTIONS_", "PYTEST_", "VIRTUAL_ENV", "PYTHONPATH")
        variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        told = (
            "actor",
            "event_name",
            "event_path",
            "job",
            "ref",
            "ref_name",
            "ref_type",
            "repository",
            "run_id",
            "sha",
        )
        told += ("api_url", "base_ref", "head_ref", "repository_owner", "run_attempt", "run_number", "server_url")
        told += ("workflow", "workspace", "action_path")
        variables |= {f"GITHUB_{name.upper()}": as_text(github[name]) for name in told if name in github}
        variables |= {f"GITHUB_{name.upper()}": str(path) for name, path in files.items()}
        variables |= {f"RUNNER_{name.upper()}": value for name, value in self._contexts["runner"].items()}
        variables |= {"CI": "true", "GITHUB_ACTIONS": "true", **self._machine.variables}
        variables["PATH"] = os.pathsep.join((*self._path, variables["PATH"]))
        return variables

    def _evaluate(self, value: Any, contexts: Document) -> Any:
        return self._machine.github.evaluate(value, contexts, workspace=self._site.workspace)

    def _record(self, name: str, outcome: str, log: str) -> None:
        self._machine.records.append(StepRecord(str(self._job), name, outcome, log))


def _assignments(text: str) -> dict[str, str]:
    """Reads a file of `name=value` lines and of `name<<END` blocks."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, separator, value = line.partition("=")
        if "<<" in name:
            name, _, end = line.partition("<<")
            block = []
            while (each := next(lines)) != end:
                block.append(each)
            value, separator = "\n".join(block), "="
        if line:
            assert separator, f"neither name=value nor name<<END: {line}"
            found[name] = value
    return found
