"""The verdict as JSON.

    {"schema": 1, "outcome": ..., "exit_code": ..., "checkpoints": [{
        "path", "outcome", "exit_code", "asked": [{"riva", "target"}], "facts", "needs", "counts",
        "findings": [FINDING], "places": [{"riva", "target", "how", "outcome", "findings": [FINDING]}]}]}
    FINDING: {"rule", "outcome", "what", "where", "why", "fix", "link"}

`outcome` is one of the names of `Outcome` in lower case. `facts` and `needs` are null for what cannot be read.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pipelines.verdict.findings import Finding, Outcome, worst
from pipelines.verdict.verdict import Verdict

__all__ = ["SCHEMA", "as_document"]

SCHEMA = 1
"""Counts up when a key changes its meaning or goes; new keys do not change it."""


def as_document(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Returns the document; every value is one of JSON's."""
    outcome = worst(verdict.outcome for verdict in verdicts)
    return {"schema": SCHEMA, **_outcome(outcome), "checkpoints": [_checkpoint(verdict) for verdict in verdicts]}


def _checkpoint(verdict: Verdict) -> dict[str, Any]:
    return {
        "path": str(verdict.path),
        **_outcome(verdict.outcome),
        "asked": [{"riva": riva, "target": target} for riva, target in verdict.asked],
        "facts": verdict.facts and asdict(verdict.facts),
        "needs": verdict.needs and asdict(verdict.needs),
        "counts": {outcome.name.lower(): count for outcome, count in verdict.counts.items()},
        "findings": [_finding(finding) for finding in verdict.findings],
        "places": [
            {
                "riva": place.riva,
                "target": place.target,
                "how": place.how,
                "outcome": place.outcome.name.lower(),
                "findings": [_finding(finding) for finding in place.findings],
            }
            for place in verdict.places
        ],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"outcome": outcome.name.lower(), "exit_code": outcome.exit_code}


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule.id,
        "outcome": finding.rule.outcome.name.lower(),
        "what": finding.what,
        "where": finding.where,
        "why": finding.why,
        "fix": finding.fix,
        "link": finding.rule.link,
    }
