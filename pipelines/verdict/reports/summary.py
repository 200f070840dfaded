"""The verdict as Markdown, for the summary of a CI run and for pull requests."""

from collections.abc import Sequence

from pipelines.verdict.compatibility import TARGETS
from pipelines.verdict.findings import Finding, Outcome, merged
from pipelines.verdict.reports.table import counted, fact_lines
from pipelines.verdict.verdict import Verdict

__all__ = ["as_markdown"]

_MARKS = {
    Outcome.WORKS: "✅",
    Outcome.WAIVER: "⚠️",
    Outcome.UNKNOWN: "❔",
    Outcome.FAILS: "❌",
    Outcome.UNREADABLE: "❌",
    Outcome.UNSAFE: "⛔",
}


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """Returns a section for each verdict."""
    return "\n\n".join("\n".join(_section(verdict)) for verdict in verdicts) + "\n"


def _section(verdict: Verdict) -> list[str]:
    where = ", ".join(f"Riva {riva} on {target}" for riva, target in verdict.asked)
    lines = [f"### {_marked(verdict.outcome)}: {_plain(str(verdict.path))}", ""]
    lines += [f"Asked about {where}.", ""] if where else []
    for finding in merged(verdict.findings):
        lines += [*_finding(finding), ""]
    if verdict.facts is not None and verdict.needs is not None:
        lines += _table(("", ""), [(name, _plain(value)) for name, value in fact_lines(verdict.facts, verdict.needs)])
        outcomes = {(place.riva, place.target): place.outcome for place in verdict.places}
        rivas = dict.fromkeys(place.riva for place in verdict.places)
        rows = [(riva, *(_marked(outcomes[riva, target]) for target in TARGETS)) for riva in rivas]
        lines += ["", *_table(("Riva", *TARGETS), rows), "", counted(verdict).capitalize()]
    return lines


def _finding(finding: Finding) -> list[str]:
    rule = finding.rule
    note = "📝 note" if rule.outcome is Outcome.WORKS else _marked(rule.outcome)
    lines = [f"- **{note}** {_plain(finding.what)} ([`{rule.id}`]({rule.link}))"]
    lines += [f"  - {name}: {_plain(text)}" for name, text in (("why", finding.why), ("fix", finding.fix)) if text]
    return lines


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(header), _row(["---"] * len(header)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _marked(outcome: Outcome) -> str:
    return f"{_MARKS[outcome]} {outcome.text}"


def _plain(text: str) -> str:
    """Text from a checkpoint as a page may show it: no markup of its own, one line."""
    for character, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "'"), ("\n", " ")):
        text = text.replace(character, safe)
    return text.replace("[", "\\[").replace("]", "\\]")
