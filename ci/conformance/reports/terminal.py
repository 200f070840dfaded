"""The report for the terminal: a row a suite, then what failed and why."""

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ci.conformance.outcome import CaseResult, Outcome, ResultTree

if TYPE_CHECKING:
    from ci.conformance.reports import Report

__all__ = ["show"]

#: Findings of one case on the terminal; the other reports have all of them.
FINDINGS = 4
STYLES = {
    Outcome.SKIP: "dim",
    Outcome.PASS: "green",
    Outcome.KNOWN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
}


def show(report: "Report", console: Console | None = None) -> None:
    """Prints the report; without a terminal it is plain text."""
    console = console or Console(highlight=False, soft_wrap=True)
    console.print(_table(report))
    for outcome in (Outcome.ERROR, Outcome.FAIL, Outcome.KNOWN):
        for result in (each for each in report.run.results if each.outcome is outcome):
            _explain(result, console)
    for name, value in report.measured.items():
        console.print(f"[dim]{escape(name)}:[/] {escape(value)}")
    reasons = Counter(result.reason for result in report.run.results if result.outcome is Outcome.SKIP)
    for reason, count in reasons.items():
        console.print(f"[dim]skipped {count}: {escape(reason)}[/]")
    counts = ", ".join(f"{count} {outcome.label}" for outcome, count in report.tree.count().items() if count)
    outcome = report.tree.outcome
    verdict = f"[{STYLES[outcome]}]{outcome.label.upper()}[/]"
    console.print(f"{verdict} {escape(report.title)}: {counts} in {report.run.seconds:.1f} s")


def _table(report: "Report") -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("suite")
    for outcome in Outcome:
        table.add_column(outcome.label, justify="right")
    for suite in _suites(report.tree):
        counts = suite.count()
        cells = [f"[{STYLES[outcome]}]{count}[/]" if count else "[dim]·[/]" for outcome, count in counts.items()]
        table.add_row(f"[{STYLES[suite.outcome]}]{escape(suite.name)}[/]", *cells)
    return table


def _suites(tree: ResultTree) -> list[ResultTree]:
    return [suite for room in tree.children for suite in room.children]


def _explain(result: CaseResult, console: Console) -> None:
    style = STYLES[result.outcome]
    console.print(
        f"\n[{style}]{result.outcome.label.upper()}[/] [bold]{escape(result.address)}[/]\n  {escape(result.title)}"
    )
    if result.outcome is not Outcome.FAIL:
        console.print(f"  [dim]{escape(result.reason)}[/]")
    for finding in result.findings[:FINDINGS]:
        if finding.where:
            console.print(f"  [dim]{escape(finding.where)}[/]")
        console.print(f"    expected {escape(finding.expected)}\n    got      {escape(finding.got)}")
    if len(result.findings) > FINDINGS:
        console.print(f"  [dim]and {len(result.findings) - FINDINGS} more[/]")
    if result.why:
        console.print(f"  [dim]{escape(result.why)}[/]")
