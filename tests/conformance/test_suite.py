"""The suite itself on trial: it passes a correct server and catches every deliberate mistake."""

from collections.abc import Callable

import pytest

from ci.conformance.address import matches
from ci.conformance.case import Suite
from ci.conformance.outcome import Outcome
from ci.conformance.run import Run
from tests.conformance.mistakes import MISTAKES, WrongServer
from tests.conformance.scripted.server import ScriptedServer

Judge = Callable[..., Run]


def test_a_correct_server_passes_every_case(judge: Judge) -> None:
    """No case fails, is skipped, or breaks on a server that does everything right."""
    run = judge(ScriptedServer())

    assert [
        (each.address, each.findings, each.reason) for each in run.results if each.outcome is not Outcome.PASS
    ] == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_every_mistake_is_caught(judge: Judge, mistake: type[WrongServer]) -> None:
    """Each pattern of `caught_by` selects a case that fails, and the suite itself never breaks on a wrong server."""
    run = judge(mistake(), (*mistake.patterns(), *(f"{mistake.room}/{each}" for each in mistake.after)))

    failed = [result.address for result in run.results if result.outcome is Outcome.FAIL]
    missed = [each for each in mistake.patterns() if not any(matches(each, got) for got in failed)]
    assert missed == []
    assert [result.reason for result in run.results if result.outcome is Outcome.ERROR] == []


def test_every_case_catches_a_mistake(suites: tuple[Suite, ...]) -> None:
    """A case that no wrong server fails would prove nothing."""
    patterns = [pattern for mistake in MISTAKES for pattern in mistake.patterns()]

    addresses = [case.address for suite in suites for case in suite.cases]

    assert [each for each in addresses if not any(matches(pattern, each) for pattern in patterns)] == []
