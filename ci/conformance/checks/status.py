"""Checks of statuses, health and identity."""

from collections.abc import Iterator
from typing import Any

from ci.conformance.case import fill
from ci.conformance.checks.evidence import Answer, Evidence, Verdict, shown
from ci.conformance.outcome import Finding

__all__ = ["request_id", "serving", "status"]

#: Texts of an answer that a finding shows, at most.
SHOWN_TEXTS = 3


def status(expected: dict[str, Any], evidence: Evidence) -> Verdict:
    """The status code and its text; a call that the client gave up must be CANCELLED or already over."""
    expected = fill(expected, evidence.names)
    codes = expected.get("code", "OK")
    codes = [codes] if isinstance(codes, str) else codes
    findings = []
    for answer in evidence.answers:
        accepted = [*codes, "CANCELLED"] if answer.exchange.cancelled else codes
        if answer.exchange.code not in accepted or not _says(expected, answer.exchange.details):
            findings.append(Finding(_describe(codes, expected), _got(answer), answer.label))
    return Verdict(tuple(findings))


def _says(expected: dict[str, Any], details: str) -> bool:
    whole = expected.get("message", details) == details
    return whole and details.startswith(expected.get("starts", "")) and details.endswith(expected.get("ends", ""))


def _describe(codes: list[str], expected: dict[str, Any]) -> str:
    texts = [f"{expected['message']!r}"] if "message" in expected else []
    texts += [f"{key[:-1]}ing with {expected[key]!r}" for key in ("starts", "ends") if key in expected]
    return " or ".join(codes) + (f", message {' and '.join(texts)}" if texts else "")


def _got(answer: Answer) -> str:
    exchange = answer.exchange
    if exchange.code == "OK":
        texts = [text for _, text in exchange.said] if exchange.request.call.mode else []
        return ", ".join(["OK", *map(shown, texts[:SHOWN_TEXTS])])
    return f"{exchange.code}, message {exchange.details!r}"


def serving(expected: str, evidence: Evidence) -> Verdict:
    """The status that the health service tells."""
    from grpc_health.v1 import health_pb2

    names = health_pb2.HealthCheckResponse.ServingStatus.DESCRIPTOR.values_by_number
    got = [names[reply.message.status].name for each in evidence.answers for reply in each.exchange.replies]
    return Verdict(tuple(Finding(expected, each) for each in got or ["no answer"] if each != expected))


def request_id(expected: str, evidence: Evidence) -> Verdict:
    """Every response carries the id of its request."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            got = {reply.message.id.value for reply in answer.exchange.replies} or {"no response"}
            if got != {expected}:
                yield Finding(f"id {expected!r} in every response", ", ".join(map(repr, sorted(got))), answer.label)

    return Verdict(tuple(findings()))
