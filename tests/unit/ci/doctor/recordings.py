"""Machines that are replayed instead of looked at: tests/assets/doctor."""

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from ci.doctor.checks import check
from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Outcome
from ci.doctor.job import Job
from ci.doctor.observe import observe
from ci.doctor.probe import Answer, Probe, Ran
from pipelines.compatibility import riva_version
from pipelines.verdict.needs import Capacity

__all__ = ["ASSETS", "QUERY", "Recorded", "findings", "job", "look", "outcomes", "recording"]

ASSETS = Path(__file__).parents[3] / "assets" / "doctor"
QUERY = "nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv,noheader,nounits"


def recording(name: str) -> dict[str, Any]:
    """What a file of recordings says, with the entries of its base that it does not have itself."""
    own: dict[str, Any] = yaml.safe_load((ASSETS / f"{name}.yaml").read_text(encoding="utf-8"))
    base = recording(own["base"]) if "base" in own else {}
    for entries, key in (("commands", "line"), ("files", "path")):
        by_key = {entry[key]: entry for entry in (*base.get(entries, ()), *own.get(entries, ()))}
        own[entries] = list(by_key.values())
    return {**base, **own}


class Recorded(Probe):
    """A machine that answers as it once did; `commands` and `files` are what is different this time."""

    def __init__(
        self, name: str, commands: dict[str, Ran] | None = None, files: dict[str, str] | None = None, **different: Any
    ) -> None:
        data = recording(name)
        self._commands = {
            entry["line"]: Ran(entry.get("stdout", ""), entry.get("stderr", ""), entry.get("code", 0))
            for entry in data["commands"]
        } | (commands or {})
        self._files = {entry["path"]: entry["text"] for entry in data["files"]} | (files or {})
        self._capacity = Capacity(**{each: different.get(each, data[each]) for each in ("memory", "disk")})
        web = data["web"]
        at = datetime.fromisoformat(web["at"]).timestamp() if "at" in web else 0.0
        self._web = different.get("web", Answer(web.get("status", 0), web.get("date", ""), at, web.get("error", "")))

    def run(self, *command: str) -> Ran:
        return self._commands.get(" ".join(command), Ran(missing=True))

    def read(self, path: str) -> str:
        return self._files.get(path, "")

    def capacity(self, folder: str) -> Capacity:
        return self._capacity

    def fetch(self, url: str) -> Answer:
        return self._web


def job(target: str = "cpu", *, riva: str = "2.19.0", **options: Any) -> Job:
    """A job; on a GPU in containers."""
    options.setdefault("runtime", "local" if target == "cpu" else "container")
    return Job(riva=riva_version(riva), target=target, **options)


def look(machine: Recorded, asked: Job) -> Host:
    """What a recorded machine says of itself to a job."""
    return observe(machine, asked, folder="/outputs")


def findings(machine: Recorded, asked: Job) -> dict[str, list[Finding]]:
    """What is found on a recorded machine, by rule."""
    found: dict[str, list[Finding]] = {}
    for finding in check(look(machine, asked), asked):
        found.setdefault(finding.rule.id, []).append(finding)
    return found


def outcomes(machine: Recorded, asked: Job) -> dict[str, Outcome]:
    """The worst outcome of each rule."""
    return {
        rule: max((finding.outcome for finding in of_rule), key=lambda outcome: outcome.severity)
        for rule, of_rule in findings(machine, asked).items()
    }
