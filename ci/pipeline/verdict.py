"""What the verdict stage wrote: shown to people and GitHub, and asked whether this machine can hold the work."""

import json
from pathlib import Path
from typing import Any

from ci import github
from pipelines.verdict.findings import Outcome
from pipelines.verdict.needs import Capacity, Needs, check_needs

__all__ = ["REPORT", "check_machine", "show_verdict"]

REPORT = "verdict"
"""Folder of the report among a checkpoint's outputs."""

_LEVELS = {Outcome.WORKS: "notice", Outcome.WAIVER: "warning", Outcome.UNKNOWN: "warning"}


def check_machine(outputs: Path) -> None:
    """Refuses work that this machine cannot hold; asked each time before an export, since disks fill.

    Args:
        outputs: The folder of the checkpoint's outputs; its verdict is there.

    Raises:
        MachineTooSmall: There is less memory or disk than the stages need.
    """
    needs = Needs(**_judged(outputs)["needs"])
    for finding in check_needs(needs, Capacity.here(outputs)):
        raise finding.as_error()


def show_verdict(outputs: Path, *, whole: bool) -> None:
    """Prints a line about the verdict, or the whole table; GitHub gets its page and an annotation for each finding."""
    judged = _judged(outputs)
    if whole:
        print((outputs / "logs" / "verdict.log").read_text(encoding="utf-8"), end="")
    else:
        counts = ", ".join(f"{count} {Outcome[name.upper()].text}" for name, count in judged["counts"].items())
        outcome = Outcome[judged["outcome"].upper()]
        print(f"{outputs.name}: verdict: {outcome.text}; everywhere: {counts or 'unknown'}")
    github.summarise((outputs / REPORT / "verdict.md").read_text(encoding="utf-8"))
    for finding in judged["findings"]:
        level = _LEVELS.get(Outcome[finding["outcome"].upper()], "error")
        github.note(level, f"{finding['what']} [{finding['rule']}]", title=f"{outputs.name}: {finding['rule']}")


def _judged(outputs: Path) -> dict[str, Any]:
    document = json.loads((outputs / REPORT / "verdict.json").read_text(encoding="utf-8"))
    judged: dict[str, Any] = document["checkpoints"][0]
    return judged
