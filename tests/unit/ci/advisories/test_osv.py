"""Questions to OSV are asked until they are answered, and an answer that is none is never taken for `nothing known`."""

from collections.abc import Iterator

import pytest

from ci.advisories import osv
from ci.advisories.osv import Osv
from ci.advisories.pins import Pin
from ci.errors import AdvisoriesUnknown
from tests.unit.ci.advisories.osv import FakeOsv

TORCH = Pin("PyPI", "torch", "2.5.1", ("torch-cpu.txt",))
JINJA = Pin("PyPI", "jinja2", "3.1.0", ("dev-3.11.txt",))
CLEAN = Pin("PyPI", "rich", "14.0.0", ("dev-3.11.txt",))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOsv]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with FakeOsv() as each:
        yield each


def test_every_page_is_turned(server: FakeOsv, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pin with more advisories than fit a page gets them all, also when the questions need several batches."""
    monkeypatch.setattr(osv, "AT_ONCE", 2)

    assert Osv(server.address).about([CLEAN, TORCH, JINJA]) == {
        TORCH: ["GHSA-53q9-r3pm-6pq6", "PYSEC-2025-41"],
        JINJA: ["GHSA-h75v-3vvj-5mfj"],
    }


def test_withdrawn_advisories_are_left_out(server: FakeOsv) -> None:
    """What the database took back is no finding."""
    found = list(Osv(server.address).advisories(["GHSA-0000-0000-0000", "GHSA-h75v-3vvj-5mfj"]))

    assert [(each.id, each.severity, each.fixed["jinja2"]) for each in found] == [
        ("GHSA-h75v-3vvj-5mfj", "MODERATE", ("3.1.4",))
    ]


def test_a_passing_failure_is_asked_again(server: FakeOsv) -> None:
    """503 and a rate limit are waited out."""
    server.statuses = [503, 429]

    assert list(Osv(server.address).about([JINJA])) == [JINJA]
    assert len(server.asked) == 3


def test_the_proxy_is_used(server: FakeOsv, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy the request goes to the proxy, with the whole address."""
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")

    assert list(Osv("http://osv.invalid").about([JINJA])) == [JINJA]
    assert server.asked == ["http://osv.invalid/v1/querybatch"]


@pytest.mark.parametrize("text", ["<html>please log in</html>", "{}", '{"results": []}'], ids=["html", "empty", "few"])
def test_an_answer_that_is_none_is_an_error(server: FakeOsv, text: str) -> None:
    """A captive portal, or fewer results than questions, must not look like a clean bill."""
    server.text = text

    with pytest.raises(AdvisoriesUnknown):
        Osv(server.address).about([JINJA])


def test_no_way_to_the_database_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the proxy variables."""
    monkeypatch.setattr(osv, "ATTEMPTS", 0)

    with pytest.raises(AdvisoriesUnknown) as caught:
        Osv("http://127.0.0.1:9").about([JINJA])
    assert "HTTPS_PROXY" in caught.value.fix
