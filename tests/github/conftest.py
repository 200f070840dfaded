"""A GitHub on loopback, and no waiting."""

from collections.abc import Iterator

import pytest

from tests.github.server import FakeGitHub


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited."""
    pauses: list[float] = []
    monkeypatch.setattr("ci.github_api.transport.sleep", pauses.append)
    return pauses


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> Iterator[FakeGitHub]:
    """The server, with the variables set that lead to it."""
    with FakeGitHub() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
