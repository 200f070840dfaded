"""The report for CI: JUnit XML, with one test suite for each file of cases."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ci.conformance.outcome import CaseResult, Outcome

if TYPE_CHECKING:
    from ci.conformance.reports import Report

__all__ = ["render"]

#: Characters that XML 1.0 cannot carry, which a server under judgement may well send.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: "Report") -> str:
    """The report as JUnit XML. A known failure counts as skipped, because CI must stay green on it."""
    suites: dict[str, list[CaseResult]] = {}
    for result in report.run.results:
        suites.setdefault("/".join(result.address.split("/")[:2]), []).append(result)
    root = ElementTree.Element("testsuites", {"name": _clean(report.title), **_attributes(report.run.results)})
    started = datetime.fromtimestamp(report.run.started, UTC).isoformat(timespec="seconds")
    for address, results in suites.items():
        attributes = {"name": address, "timestamp": started, **_attributes(results)}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for result in results:
            _add(suite, address, result)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _attributes(results: Iterable[CaseResult]) -> dict[str, str]:
    def count(*outcomes: Outcome) -> str:
        return str(sum(result.outcome in outcomes for result in results))

    results = tuple(results)
    return {
        "tests": str(len(results)),
        "failures": count(Outcome.FAIL),
        "errors": count(Outcome.ERROR),
        "skipped": count(Outcome.SKIP, Outcome.KNOWN),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _add(suite: ElementTree.Element, address: str, result: CaseResult) -> None:
    name = result.address.removeprefix(address + "/")
    case = ElementTree.SubElement(
        suite, "testcase", classname=address.replace("/", "."), name=name, time=f"{result.seconds:.3f}"
    )
    if result.outcome is Outcome.FAIL:
        failure = ElementTree.SubElement(case, "failure", message=_clean(result.title))
        failure.text = _clean(_findings(result))
    elif result.outcome is Outcome.ERROR:
        ElementTree.SubElement(case, "error", message="the suite itself is wrong").text = _clean(result.reason)
    elif result.outcome is Outcome.KNOWN:
        ElementTree.SubElement(case, "skipped", message=_clean(f"known failure: {result.reason}"))
    elif result.outcome is Outcome.SKIP:
        ElementTree.SubElement(case, "skipped", message=_clean(result.reason))
    if result.facts:
        facts = "\n".join(f"{name}: {value}" for name, value in result.facts.items())
        ElementTree.SubElement(case, "system-out").text = _clean(facts)


def _findings(result: CaseResult) -> str:
    lines = [
        f"{each.where + ': ' if each.where else ''}expected {each.expected}; got {each.got}" for each in result.findings
    ]
    return "\n".join(lines + ([f"why it matters: {result.why}"] if result.why else []))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
