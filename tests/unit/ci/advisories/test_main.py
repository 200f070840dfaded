"""A published advisory about a pin fails the night, unless somebody has accepted it for a while."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci.advisories import __main__ as advisories
from ci.advisories import findings
from ci.advisories.findings import read_waivers
from ci.advisories.pins import Pin
from ci.errors import BadYaml
from pipelines.errors import WaiverNeeded
from tests.unit.ci.advisories.osv import FakeOsv

PINS = [
    Pin("PyPI", "jinja2", "3.1.0", ("minimums-3.11.txt", "minimums-3.12.txt")),
    Pin("PyPI", "rich", "14.0.0", ("dev-3.11.txt",)),
    Pin("PyPI", "torch", "2.5.1", ("torch-cpu.txt",)),
    Pin("npm", "yaml", "2.9.1", ("package-lock.json",)),
]
TORCH = "{advisory: CVE-2025-32434, expires: 2999-01-31, reason: only re-packed archives reach it}"
TORCH_2026 = "{advisory: CVE-2026-24747, expires: 2999-01-31, reason: the same}"
MINIMUMS = "{lock: minimums, expires: 2999-01-31, reason: runs tests}"


@pytest.fixture
def server() -> Iterator[FakeOsv]:
    with FakeOsv() as each:
        yield each


@pytest.fixture
def command(server: FakeOsv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command on a few pins with these waivers."""

    def run(*waivers: str) -> int:
        path = tmp_path / "waivers.yaml"
        path.write_text("\n".join(["waivers:", *(f"  - {each}" for each in waivers)] if waivers else ["waivers: []"]))
        monkeypatch.setattr(advisories, "read_waivers", lambda: read_waivers(path))
        monkeypatch.setattr(advisories, "find_pins", lambda root: PINS)
        return advisories.main(["--database", server.address])

    return run


def test_findings_without_a_waiver_fail(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named once with what is pinned where, what it says and what fixes it; the worst comes first."""
    assert command() == WaiverNeeded.exit_code

    said = capsys.readouterr().err
    assert "3 published advisories" in said
    assert said.index("CVE-2025-32434") < said.index("CVE-2024-34064")
    assert "CVE-2024-34064 (moderate): jinja2 3.1.0 (minimums-3.11.txt, minimums-3.12.txt)" in said
    assert "fixed in 3.1.4" in said
    assert said.count("torch 2.5.1") == 2  # two advisories, although three databases tell of them
    assert "nox -s lock -- --upgrade" in said


def test_waivers_are_heeded(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """An advisory may be accepted by any of its ids, and a lock as a whole."""
    assert command(TORCH, TORCH_2026, MINIMUMS) == 0

    said = capsys.readouterr().out
    assert "waived until 2999-01-31: only re-packed archives reach it" in said
    assert "4 pins, 3 published advisories, none that is not accepted for a while" in said


def test_an_expired_waiver_counts_no_more(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """The day after its last day, the advisory fails again."""
    assert command(TORCH.replace("2999", "2026"), TORCH_2026, MINIMUMS) == WaiverNeeded.exit_code
    assert "its waiver expired on 2026-01-31" in capsys.readouterr().err


def test_a_lock_is_accepted_only_for_what_no_other_pins(
    command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is also pinned in a lock that is served from is not covered."""
    shared = Pin("PyPI", "jinja2", "3.1.0", ("minimums-3.11.txt", "runtime-3.11.txt"))
    monkeypatch.setattr(f"{__name__}.PINS", [shared])

    assert command(MINIMUMS) == WaiverNeeded.exit_code


def test_a_waiver_that_covers_nothing_is_named(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """So that the list does not grow for ever."""
    unused = "{advisory: CVE-2020-1, expires: 2999-01-31, reason: gone}"

    assert command(TORCH, TORCH_2026, MINIMUMS, unused) == 0
    assert "the waiver for CVE-2020-1 covers nothing" in capsys.readouterr().out


def test_an_old_riva_is_a_finding(command: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The Riva that targets.yaml names is asked for too, in the compatibility table."""
    monkeypatch.setattr(findings, "DEFAULT_VERSION", "2.18.0")
    monkeypatch.setattr(f"{__name__}.PINS", [])

    assert command() == WaiverNeeded.exit_code


@pytest.mark.parametrize(
    ("waiver", "said"),
    [
        ("{advisory: CVE-2020-1, lock: dev, expires: 2027-01-31, reason: both}", "waivers"),
        ("{advisory: CVE-2020-1, expires: soon, reason: late}", "waivers[0].expires"),
        ("{advisory: CVE-2020-1, expires: 2027-01-31}", "reason"),
    ],
)
def test_a_mistake_is_named(waiver: str, said: str, tmp_path: Path) -> None:
    """A waiver names one thing, a day and a reason."""
    path = tmp_path / "waivers.yaml"
    path.write_text(f"waivers:\n  - {waiver}\n")

    with pytest.raises(BadYaml) as caught:
        read_waivers(path)
    assert said in caught.value.what


def test_our_own_waivers_are_sound() -> None:
    """The list of this repository can be read."""
    assert read_waivers()
