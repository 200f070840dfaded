"""A judgement ends, with failures, whatever becomes of the server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from ci.conformance import invoke
from ci.conformance.outcome import Outcome
from ci.conformance.run import Run
from tests.conformance.scripted.server import ScriptedServer

Judge = Callable[..., Run]


class Hangs(ScriptedServer):
    """Never answers to audio."""

    async def Recognize(self, request: Any, context: Any) -> Any:
        await asyncio.Event().wait()

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield


class Dies(ScriptedServer):
    """Stops for good at its fifth offline call."""

    def __init__(self) -> None:
        self.calls = 0

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.calls += 1
        if self.calls >= 5:
            self.stopping = asyncio.create_task(self.server.stop(grace=None))
            await asyncio.Event().wait()
        return await super().Recognize(request, context)


def test_a_server_that_hangs_is_waited_for_a_few_times_only(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some calls without an answer the patience ends, so that a judgement takes minutes, not hours."""
    monkeypatch.setattr(invoke, "CALL_SECONDS", 0.5)
    monkeypatch.setattr(invoke, "SECONDS_PER_AUDIO_SECOND", 0.0)
    monkeypatch.setattr(invoke, "HUNG_SECONDS", 0.05)
    started = time.monotonic()

    run = judge(Hangs(), ["speech_recognition/formats", "speech_recognition/health"])

    outcomes = {result.outcome for result in run.results if "/formats/" in result.address}
    assert outcomes == {Outcome.FAIL}
    assert any("DEADLINE_EXCEEDED" in finding.got for result in run.results for finding in result.findings)
    assert time.monotonic() - started < 15, "patience for every call would be 50 cases of up to 6 calls"


def test_a_server_that_dies_fails_all_that_follows(judge: Judge) -> None:
    """The first answers were right; liveness tells that there is nobody left."""
    run = judge(
        Dies(), [f"speech_recognition/{each}" for each in ("health", "recognition/word-error-rate", "liveness")]
    )

    failed = [result.address for result in run.results if result.outcome is Outcome.FAIL]
    assert "speech_recognition/liveness/still-serving" in failed
    assert "speech_recognition/liveness/same-answer/offline" in failed
    assert "speech_recognition/health/server" not in failed
    assert not any(result.outcome is Outcome.ERROR for result in run.results)
