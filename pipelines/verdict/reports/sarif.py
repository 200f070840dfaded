"""The verdict as SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/), for code scanning.

A finding is a result at the first line of the checkpoint's file, because GitHub wants a line; the member or key where
it was found is its logical location. What is unsafe carries GitHub's `security-severity`.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipelines.verdict.findings import Finding, Outcome, Rule
from pipelines.verdict.rules import FAMILIES, RULES
from pipelines.verdict.verdict import Verdict

__all__ = ["as_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Outcome.WORKS: "note", Outcome.WAIVER: "warning", Outcome.UNKNOWN: "warning"}
_SEVERITY = "9.0"  # of 10; from 9 on GitHub calls it critical
_POSITIONS = {rule: position for position, rule in enumerate(RULES)}


def as_sarif(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Returns the log: one run, every rule, a result for each finding."""
    driver = {
        "name": "riva-verdict",
        "rules": [_rule(rule, family) for family, rules in FAMILIES.items() for rule in rules],
    }
    results = [_result(verdict, finding) for verdict in verdicts for finding in verdict.findings]
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule, family: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": [family]}
    if rule.outcome is Outcome.UNSAFE:
        properties = {"tags": [family, "security"], "security-severity": _SEVERITY}
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "helpUri": rule.link,
        "defaultConfiguration": {"level": _level(rule)},
        "properties": properties,
    }


def _result(verdict: Verdict, finding: Finding) -> dict[str, Any]:
    rule = finding.rule
    place = {"artifactLocation": _artifact(verdict.path), "region": {"startLine": 1}}
    location: dict[str, Any] = {"physicalLocation": place}
    if finding.where:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.where}]
    return {
        "ruleId": rule.id,
        "ruleIndex": _POSITIONS[rule.id],
        "level": _level(rule),
        "message": {"text": "\n".join(part for part in (finding.what, finding.why, finding.fix) if part)},
        "locations": [location],
        "partialFingerprints": {"ruleAndPlace/v1": _fingerprint(verdict.path, finding)},
        "properties": {"outcome": rule.outcome.text},
    }


def _level(rule: Rule) -> str:
    return _LEVELS.get(rule.outcome, "error")


def _artifact(path: Path) -> dict[str, Any]:
    """Relative to the working folder, which in CI is the repository; elsewhere a whole address."""
    whole, here = path.absolute(), Path.cwd()
    if whole.is_relative_to(here):
        return {"uri": quote(whole.relative_to(here).as_posix()), "uriBaseId": "%SRCROOT%"}
    return {"uri": whole.as_uri()}


def _fingerprint(path: Path, finding: Finding) -> str:
    """Stays the same while values in the message change, so that an alert keeps its history."""
    return hashlib.sha256("\n".join((path.name, finding.rule.id, finding.where)).encode()).hexdigest()
