"""The report for machines: JSON that holds all that is known of a run."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ci.conformance.outcome import CaseResult, ResultTree

if TYPE_CHECKING:
    from ci.conformance.reports import Report

__all__ = ["FORMAT_VERSION", "render"]

FORMAT_VERSION = 1


def render(report: "Report") -> str:
    """The report as JSON; the tree of results follows the addresses of the cases."""
    run = report.run
    document = {
        "format": "riva-conformance",
        "format_version": FORMAT_VERSION,
        "title": report.title,
        "uri": run.uri,
        "started": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 3),
        "outcome": report.tree.outcome.label,
        "counts": {outcome.label: count for outcome, count in report.tree.count().items()},
        "measured": dict(report.measured),
        "models": [{"name": model.name, "parameters": dict(model.parameters)} for model in run.listing.models],
        "facts": dict(report.facts),
        "tree": _tree(report.tree),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _tree(tree: ResultTree) -> dict[str, Any]:
    return {
        "name": tree.name,
        "outcome": tree.outcome.label,
        "results": [_result(result) for result in tree.results],
        "children": [_tree(child) for child in tree.children],
    }


def _result(result: CaseResult) -> dict[str, Any]:
    return {**asdict(result), "outcome": result.outcome.label, "seconds": round(result.seconds, 3)}
