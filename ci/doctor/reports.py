"""The findings for people (a table), for programs (JSON) and for GitHub (a page and annotations).

    {"schema": 1, "outcome", "exit_code",
     "job": {"riva", "target", "runtime", "images", "labels"},
     "host": {"engine", "graphics", "jetson", "system", "registry"},
     "findings": [{"rule", "outcome", "what", "why", "fix", "link"}]}

`outcome` is one of the names of `Outcome` in lower case; `registry` is null if NGC was not asked.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ci import github
from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Outcome, worst
from ci.doctor.job import Job

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SCHEMA", "annotate", "as_document", "as_markdown", "show"]

SCHEMA = 1
"""Counts up when a key changes its meaning or goes; new keys do not change it."""

_STYLES = {
    Outcome.OK: "green",
    Outcome.NOTE: "cyan",
    Outcome.UNKNOWN: "magenta",
    Outcome.WARNING: "yellow",
    Outcome.FAILS: "red",
}
_MARKS = {Outcome.OK: "✅", Outcome.NOTE: "📝", Outcome.UNKNOWN: "❔", Outcome.WARNING: "⚠️", Outcome.FAILS: "❌"}
_LEVELS = {Outcome.WARNING: "warning", Outcome.FAILS: "error"}


def headline(findings: Sequence[Finding], job: Job) -> str:
    """One line: what the machine was asked to be, and how many findings have which outcome."""
    outcomes = [finding.outcome for finding in findings]
    counts = [f"{outcomes.count(outcome)} {outcome.text}" for outcome in reversed(Outcome) if outcome in outcomes]
    return f"Riva {job.riva.version}, target {job.target}, runtime {job.runtime}: {', '.join(counts)}"


def show(findings: Sequence[Finding], job: Job, console: "Console") -> None:
    """Prints a line for each finding, and under it why it matters and what to do."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    for finding in findings:
        grid.add_row(Text(finding.outcome.text, _STYLES[finding.outcome]), finding.rule.id, Text(finding.what))
        for name, text in (("why", finding.why), ("fix", finding.fix)):
            if text:
                grid.add_row("", "", Text(f"{name}: {text}", "dim" if name == "why" else ""))
    console.print(grid)
    console.print()
    console.print(Text(headline(findings, job), _STYLES[worst(findings)]), soft_wrap=True)


def as_document(findings: Sequence[Finding], host: Host, job: Job) -> dict[str, Any]:
    """The report as JSON has it."""
    outcome = worst(findings)
    return {
        "schema": SCHEMA,
        "outcome": outcome.name.lower(),
        "exit_code": outcome.exit_code,
        "job": {
            "riva": job.riva.version,
            "target": job.target,
            "runtime": job.runtime,
            "images": list(job.images(host.system.architecture)),
            "labels": list(job.labels),
        },
        "host": asdict(host),
        "findings": [
            {
                "rule": finding.rule.id,
                "outcome": finding.outcome.name.lower(),
                "what": finding.what,
                "why": finding.why,
                "fix": finding.fix,
                "link": finding.rule.link,
            }
            for finding in findings
        ],
    }


def as_markdown(findings: Sequence[Finding], job: Job) -> str:
    """The report as a section of a page: what needs a hand first, what is in order folded away."""
    lines = [f"### {_MARKS[worst(findings)]} Runner doctor", "", f"{headline(findings, job)}.", ""]
    in_order = [finding for finding in findings if finding.outcome is Outcome.OK]
    for finding in sorted(findings, key=lambda finding: -finding.outcome.severity):
        if finding.outcome is not Outcome.OK:
            lines.append(_item(finding))
            lines += [
                f"  - {name}: {_plain(text)}" for name, text in (("why", finding.why), ("fix", finding.fix)) if text
            ]
    if in_order:
        lines += [
            "",
            f"<details><summary>{len(in_order)} in order</summary>",
            "",
            *map(_item, in_order),
            "",
            "</details>",
        ]
    return "\n".join(lines) + "\n"


def annotate(findings: Sequence[Finding], job: Job) -> None:
    """Gives GitHub the page and an annotation for each warning and failure; does nothing elsewhere."""
    github.summarise(as_markdown(findings, job))
    for finding in findings:
        if level := _LEVELS.get(finding.outcome):
            text = f"{finding.what}; {finding.fix} [{finding.rule.id}]"
            github.note(level, text, title=f"runner doctor: {finding.rule.id}")


def _item(finding: Finding) -> str:
    outcome = finding.outcome
    return f"- {_MARKS[outcome]} **{outcome.text}** {_plain(finding.what)} ([`{finding.rule.id}`]({finding.rule.link}))"


def _plain(text: str) -> str:
    """What a machine says of itself as a page may show it."""
    for character, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\n", " ")):
        text = text.replace(character, safe)
    return text
