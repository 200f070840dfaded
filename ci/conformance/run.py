"""Runs the cases: the ordinary ones side by side, those that measure alone, the last ones at the end."""

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ci.conformance.case import Case, Suite
from ci.conformance.checks import Answer, Evidence, judge
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation
from ci.conformance.exchange import Exchange, Request
from ci.conformance.invoke import Invoker
from ci.conformance.known import KnownFailures
from ci.conformance.outcome import CaseResult, Finding, Outcome
from ci.conformance.plan import PlannedStep, plain_request, plan, punctuating_request
from ci.conformance.server import Connection, Listing
from ci.conformance.subject import Subject

__all__ = ["Run", "run_suites"]

#: Cases side by side. Waiting for the server is most of a case, so a few more than cores.
CASES_TOGETHER = 6
#: Expectations that compare with the plain request for the same utterance.
NEEDS_PLAIN = frozenset({"transcript", "masked", "punctuated"})


@dataclass(frozen=True)
class Run:
    """All results of one run, and what the server listed."""

    uri: str
    listing: Listing
    results: tuple[CaseResult, ...]
    started: float
    seconds: float


async def run_suites(
    suites: Sequence[Suite],
    connection: Connection,
    *,
    declaration: Declaration,
    evaluation: Evaluation,
    known: KnownFailures,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Run:
    """Runs all cases of the suites on an open connection.

    Raises:
        BadKnownFailing: A pattern of `known` matches none of the cases.
    """
    cases = [case for suite in suites for case in suite.cases]
    started, clock = time.time(), time.perf_counter()
    subject = Subject(await asyncio.to_thread(connection.listing), declaration, evaluation)
    judge_ = _Judge(subject, Invoker(connection, chunk_seconds=subject.chunk_seconds), known)
    results: dict[str, CaseResult] = {}

    async def settle(case: Case) -> None:
        results[case.address] = await judge_.settle(case)
        on_result(results[case.address])

    for order in sorted({case.order for case in cases}):
        now = [case for case in cases if case.order == order]
        places = asyncio.Semaphore(CASES_TOGETHER)

        async def settle_in_turn(case: Case, places: asyncio.Semaphore = places) -> None:
            async with places:
                await settle(case)

        await asyncio.gather(*(settle_in_turn(case) for case in now if not case.alone))
        for case in now:
            if case.alone:
                await settle(case)
    ordered = tuple(results[case.address] for case in cases)
    return Run(connection.uri, subject.listing, ordered, started, time.perf_counter() - clock)


class _Judge:
    """Settles single cases."""

    def __init__(self, subject: Subject, invoker: Invoker, known: KnownFailures) -> None:
        self._subject, self._invoker, self._known = subject, invoker, known

    async def settle(self, case: Case) -> CaseResult:
        reason = self._subject.missing(case)
        if reason:
            return CaseResult(case.address, case.title, Outcome.SKIP, reason, why=case.why)
        clock = time.perf_counter()
        try:
            evidence = await self._evidence(case)
            verdict = judge(case, evidence)
        except Exception:  # the border of a case: a fault of this suite must not hide what the other cases find
            reason, seconds = traceback.format_exc(), time.perf_counter() - clock
            return CaseResult(case.address, case.title, Outcome.ERROR, reason, seconds=seconds, why=case.why)
        outcome, reason, findings = self._outcome(case, verdict.findings)
        return CaseResult(
            address=case.address,
            title=case.title,
            outcome=outcome,
            reason=reason,
            findings=findings,
            facts=verdict.facts,
            scores=verdict.scores,
            seconds=time.perf_counter() - clock,
            why=case.why,
        )

    def _outcome(self, case: Case, findings: tuple[Finding, ...]) -> tuple[Outcome, str, tuple[Finding, ...]]:
        """A known failure that passes is a failure: its line must leave the list."""
        reason = self._known.reason(case.address)
        if reason is None:
            return (Outcome.FAIL if findings else Outcome.PASS), "", findings
        if findings:
            return Outcome.KNOWN, reason, findings
        unexpected = Finding("a failure, as the list of known failures says", "it passes: delete its line", reason)
        return Outcome.FAIL, reason, (unexpected,)

    async def _evidence(self, case: Case) -> Evidence:
        answers: list[Answer] = []
        for step in plan(case, self._subject):
            exchanges = await self._make_calls(step)
            plains: Sequence[Exchange | None] = [None] * len(exchanges)
            if NEEDS_PLAIN & case.expect.keys():
                plains = await asyncio.gather(*(self._plain(exchange.request) for exchange in exchanges))
            written: Sequence[Exchange | None] = [None] * len(exchanges)
            if "punctuated" in case.expect:
                written = await asyncio.gather(*map(self._punctuated, plains))
            labels = (label for label, _ in step.requests)
            answers += map(Answer, labels, exchanges, plains, written)
        return Evidence(tuple(answers), self._subject, self._subject.names(case.steps[0].call))

    async def _make_calls(self, step: PlannedStep) -> list[Exchange]:
        places = asyncio.Semaphore(step.together)

        async def ask(request: Request) -> Exchange:
            async with places:
                return await self._invoker.ask(request)

        return await asyncio.gather(*(ask(request) for _, request in step.requests))

    async def _plain(self, request: Request) -> Exchange | None:
        if request.utterance is None or not request.call.recognises:
            return None
        return await self._invoker.ask(plain_request(request, self._subject))

    async def _punctuated(self, plain: Exchange | None) -> Exchange | None:
        if plain is None or not plain.tops:
            return None
        return await self._invoker.ask(punctuating_request(plain, self._subject))
