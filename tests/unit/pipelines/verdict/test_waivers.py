"""A version with a published advisory is used knowingly, for a reason, and not for ever."""

from datetime import date

import pytest

from pipelines.compatibility import riva_version
from pipelines.errors import UsageError, WaiverNeeded
from pipelines.verdict.waivers import Waiver, check_waived, waiver_for

OLD = riva_version("2.18")
TODAY = date(2026, 11, 22)


def waivers(expires: date = date(2027, 1, 31)) -> list[Waiver]:
    return [Waiver(advisory=each.id, expires=expires, reason="nobody else reaches it") for each in OLD.advisories]


def test_a_waiver_is_read_from_one_line() -> None:
    """Advisory, day and reason; the reason may hold colons; what is written reads back the same."""
    waiver = Waiver.parse("CVE-2025-23242:2027-01-31:reachable from here: nowhere else")

    assert waiver == Waiver(
        advisory="CVE-2025-23242", expires=date(2027, 1, 31), reason="reachable from here: nowhere else"
    )
    assert Waiver.parse(str(waiver)) == waiver


@pytest.mark.parametrize(
    "text", ["CVE-1", "CVE-1:soon:why", "CVE-1:2027-01-31:", "CVE-1:2027-01-31", ":2027-01-31:why"]
)
def test_a_waiver_without_day_or_reason_is_refused(text: str) -> None:
    """There is no waiver for ever, and none without a reason."""
    with pytest.raises(UsageError, match="ADVISORY:YYYY-MM-DD:REASON"):
        Waiver.parse(text)


def test_waived_advisories_are_printed() -> None:
    """What was waived is said, with the day and the reason, every time."""
    lines = check_waived("Riva", OLD.version, OLD.advisories, waivers(), today=TODAY)

    assert len(lines) == len(OLD.advisories) == 2
    assert all("waived until 2027-01-31: nobody else reaches it" in line and "https://" in line for line in lines)


@pytest.mark.parametrize(
    ("given", "reason"),
    [([], "no waiver"), (waivers(date(2026, 11, 21)), "expired on 2026-11-21"), (waivers()[:1], "no waiver")],
    ids=["none", "expired", "one-missing"],
)
def test_without_a_valid_waiver_the_advisory_is_printed_and_the_version_refused(
    given: list[Waiver], reason: str
) -> None:
    """The error prints the advisories and the lines to write."""
    with pytest.raises(WaiverNeeded, match=reason) as caught:
        check_waived("Riva", OLD.version, OLD.advisories, given, today=TODAY)

    assert "CVE-2025-23243 (medium)" in caught.value.why
    assert "waivers:\n  - {advisory: CVE-2025-2324" in caught.value.fix


def test_a_waiver_counts_on_its_last_day() -> None:
    """`expires` is the last day, not the first without it."""
    assert not Waiver(advisory="CVE-1", expires=TODAY, reason="why").expired(TODAY)
    assert Waiver(advisory="CVE-1", expires=TODAY, reason="why").expired(date(2026, 11, 23))


def test_of_two_waivers_the_later_counts() -> None:
    """Whoever prolongs a waiver may leave the old line."""
    old, new = waivers(date(2026, 1, 1)), waivers()

    assert waiver_for(OLD.advisories[0], [*new, *old]) == new[0]


def test_a_version_without_advisories_needs_none() -> None:
    """Nothing to waive, nothing to say."""
    assert check_waived("Riva", "2.19.0", riva_version("2.19").advisories, []) == []
