"""The verdict for people: what the checkpoint is, where it works, and what stands against it with what to do."""

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipelines.sizes import in_words
from pipelines.verdict.compatibility import TARGETS
from pipelines.verdict.facts import Facts
from pipelines.verdict.findings import Finding, Outcome, merged
from pipelines.verdict.needs import Needs
from pipelines.verdict.verdict import Verdict

__all__ = ["counted", "fact_lines", "show"]

STYLES = {
    Outcome.WORKS: "green",
    Outcome.WAIVER: "yellow",
    Outcome.UNKNOWN: "magenta",
    Outcome.FAILS: "red",
    Outcome.UNREADABLE: "bold red",
    Outcome.UNSAFE: "bold red",
}


def show(verdict: Verdict, console: Console) -> None:
    """Prints a verdict; without a terminal it is plain text."""
    console.print(_headline(verdict), soft_wrap=True)
    if verdict.facts is not None and verdict.needs is not None:
        _print(_grid(fact_lines(verdict.facts, verdict.needs)), console)
        _print(_places(verdict), console)
        console.print(f"  {counted(verdict)}", style="dim")
    for finding in merged(verdict.findings):
        _print(_finding(finding), console)
    elsewhere = _elsewhere(verdict)
    if elsewhere:
        _print(_grid(elsewhere), console)
    console.print()


def fact_lines(facts: Facts, needs: Needs) -> list[tuple[str, str]]:
    """What a checkpoint is, as names and values."""
    architecture, weights = facts.architecture, facts.weights
    lines = [("class", facts.obj_cls or "unknown"), ("saved by", f"NeMo {facts.nemo_version or 'unknown'}")]
    if architecture:
        lines.append(("model", f"{architecture.family} with {' and '.join(architecture.heads) or 'unknown heads'}"))
        if architecture.features:
            rate = f"{architecture.sample_rate} Hz" if architecture.sample_rate else "unknown sample rate"
            lines.append(("audio", f"{rate}, {architecture.features}"))
        if architecture.tokens:
            lines.append(("tokens", str(architecture.tokens)))
        if architecture.streaming:
            lines.append(("streaming", str(architecture.streaming)))
    if weights:
        lines.append(("weights", f"{weights.parameters:,} of {weights.dtype}, {in_words(weights.size)}"))
    lines.append(("needs", f"{in_words(needs.memory)} of memory, {in_words(needs.disk)} of disk"))
    here = f"nemo2riva, riva-build {facts.pipeline}" if facts.pipeline else "none"
    lines.append(("recipe", f"here: {here}; NVIDIA's tools: {facts.recipe or 'unknown'}"))
    return lines


def counted(verdict: Verdict) -> str:
    """How many places have each outcome."""
    counts = ", ".join(f"{count} {outcome.text}" for outcome, count in verdict.counts.items())
    return f"of {len(verdict.places)} versions and targets: {counts}"


def _print(part: Table, console: Console) -> None:
    """Prints a part with an empty line before it, indented."""
    console.print()
    console.print(Padding(part, (0, 0, 0, 2), expand=False))


def _headline(verdict: Verdict) -> str:
    where = ", ".join(f"Riva {riva} on {target}" for riva, target in verdict.asked)
    outcome = verdict.outcome
    place = f" ({where})" if where else ""
    return f"[bold]{escape(str(verdict.path))}[/]: [{STYLES[outcome]}]{outcome.text}[/]{place}"


def _grid(lines: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(name, Text(value))
    return grid


def _places(verdict: Verdict) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("Riva", *TARGETS):
        table.add_column(column, no_wrap=True)
    outcomes = {(place.riva, place.target): place.outcome for place in verdict.places}
    for riva in dict.fromkeys(place.riva for place in verdict.places):
        cells = [outcomes[riva, target] for target in TARGETS]
        table.add_row(riva, *(Text(outcome.text, STYLES[outcome]) for outcome in cells))
    return table


def _finding(finding: Finding) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(overflow="fold")
    grid.add_row(Text(finding.rule.verdict, STYLES[finding.rule.outcome]), Text(f"{finding.what}  [{finding.rule.id}]"))
    for name, value in (("where", finding.where), ("why", finding.why), ("fix", finding.fix)):
        if value:
            grid.add_row(name, Text(value))
    return grid


def _elsewhere(verdict: Verdict) -> list[tuple[str, str]]:
    """Why other places have their outcome: each reason once, with the places it is about."""
    places: dict[tuple[str, str], dict[str, list[str]]] = {}
    for place in verdict.places:
        for finding in place.findings:
            if finding not in verdict.findings:
                about = places.setdefault((finding.rule.id, finding.what), {})
                about.setdefault(place.riva, []).append(place.target)
    return [("elsewhere", f"{_places_in_words(about)}: {what}  [{rule}]") for (rule, what), about in places.items()]


def _places_in_words(about: dict[str, list[str]]) -> str:
    """`2.16.0, 2.17.0 on x86-gpu`: versions, with their targets unless it is all of them."""
    return ", ".join(
        riva if set(targets) == set(TARGETS) else f"{riva} on {' and '.join(dict.fromkeys(targets))}"
        for riva, targets in about.items()
    )
