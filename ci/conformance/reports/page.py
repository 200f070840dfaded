"""The report for people: one HTML page that needs nothing beside itself, with charts, in light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ci.conformance.outcome import CaseResult, Outcome, ResultTree, Score
from ci.conformance.reports import HEADLINES
from ci.conformance.reports.charts import Bar, response_chart, word_error_bars

if TYPE_CHECKING:
    from ci.conformance.reports import Report

__all__ = ["render"]

#: Utterances, and texts, with errors that the page shows, the worst first; JSON has all.
SHOWN_ITEMS = 25


@dataclass(frozen=True)
class _Tile:
    """A number at the top of the page; `share` is how much of its limit it uses, None without a limit."""

    name: str
    value: str
    note: str
    share: float | None = None
    good: bool = True


@dataclass(frozen=True)
class _Errors:
    """How many items have how many wrong words, and those that have any, with the modes that gave that answer."""

    bars: tuple[Bar, ...]
    wrong: list[tuple[Score, list[str]]]


def render(report: "Report") -> str:
    """The page. Everything that the server sent is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    run = report.run
    spoken, written = _scores(run.results, "word-error-rate"), _scores(run.results, "content/accuracy")
    return environment.get_template("page.html.j2").render(
        report=report,
        outcome=report.tree.outcome,
        outcomes=list(Outcome),
        counts=report.tree.count(),
        total=len(run.results),
        started=datetime.fromtimestamp(run.started, UTC),
        suites=[suite for room in report.tree.children for suite in room.children],
        verdict=_verdict(report.tree),
        urgent=_urgent(run.results),
        tiles=_tiles(run.results, spoken),
        chart=response_chart(spoken),
        spoken=_Errors(word_error_bars(spoken), _wrong(spoken)),
        written=_Errors(word_error_bars(written), _wrong(written)),
        shown=SHOWN_ITEMS,
        fact_tables=[_fact_table(heading, facts) for heading, facts in report.facts.items()],
        short=_short,
    )


def _verdict(tree: ResultTree) -> str:
    counts = tree.count()
    match tree.outcome:
        case Outcome.ERROR:
            return f"suite broken in {_cases(counts[Outcome.ERROR])}"
        case Outcome.FAIL:
            return f"fails {_cases(counts[Outcome.FAIL])}"
        case Outcome.KNOWN:
            return f"conforms, but for {_cases(counts[Outcome.KNOWN])} known to fail"
        case Outcome.PASS:
            return "conforms"
        case Outcome.SKIP:
            return "nothing to judge"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _urgent(results: Sequence[CaseResult]) -> list[list[CaseResult]]:
    """Failures and errors, the worst first; those of one case at several points of its axes stand together."""
    groups: dict[tuple[Outcome, str], list[CaseResult]] = {}
    for result in results:
        if result.outcome >= Outcome.FAIL:
            groups.setdefault((result.outcome, result.title), []).append(result)
    return sorted(groups.values(), key=lambda group: group[0].outcome, reverse=True)


def _scores(results: Sequence[CaseResult], case: str) -> list[Score]:
    return [score for result in results if f"/{case}/" in result.address for score in result.scores]


def _wrong(scores: Sequence[Score]) -> list[tuple[Score, list[str]]]:
    """What has errors, the worst first, with the modes that gave the same answer."""
    heard: dict[tuple[str, str], tuple[Score, list[str]]] = {}
    for score in scores:
        if score.errors:
            heard.setdefault((score.item, score.hypothesis), (score, []))[1].append(score.mode)
    return sorted(heard.values(), key=lambda each: each[0].errors / max(1, each[0].words), reverse=True)


def _short(result: CaseResult, suite: ResultTree) -> str:
    """The address of a case without that of its suite."""
    return result.address.removeprefix(suite.name + "/")


def _tiles(results: Sequence[CaseResult], scores: Sequence[Score]) -> list[_Tile]:
    """The headline measurements with their limits, then how long answers take."""
    tiles = []
    for headline in HEADLINES:
        for result in (each for each in results if f"/{headline}" in each.address and each.facts):
            for name, value in list(result.facts.items())[: 2 if result.scores else 1]:
                measured, _, limit = value.partition(" of ")
                share = _number(measured) / _number(limit) if _number(limit) else None
                tiles.append(_Tile(name, measured, f"limit {limit}", share, result.outcome is Outcome.PASS))
    for mode in sorted({score.mode for score in scores}):
        speech = sum(score.audio_seconds for score in scores if score.mode == mode)
        waits = sorted(score.seconds for score in scores if score.mode == mode)
        tiles.append(
            _Tile(f"answer, {mode}", f"{waits[len(waits) // 2]:.2f} s", f"median, {speech / 60:.1f} min of audio")
        )
    return tiles


def _number(text: str) -> float:
    """The number that a text begins with."""
    return float(text.strip().rstrip("s% "))


def _fact_table(heading: str, facts: Any) -> dict[str, Any]:
    """Facts as a table: a list of mappings has a column a key, a mapping a row a key, anything else one cell."""
    if isinstance(facts, list) and facts and all(isinstance(row, Mapping) for row in facts):
        columns = list(dict.fromkeys(key for row in facts for key in row))
        return {
            "heading": heading,
            "columns": columns,
            "rows": [[row.get(key, "") for key in columns] for row in facts],
        }
    if isinstance(facts, Mapping):
        return {"heading": heading, "columns": [], "rows": [[key, value] for key, value in facts.items()]}
    return {"heading": heading, "columns": [], "rows": [[facts]]}
