"""The clock: GitHub and registries refuse tokens and certificates of a machine that lives in another time."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Outcome, Rule
from ci.doctor.job import Job
from ci.doctor.probe import Answer

__all__ = ["CLOCK_RIGHT", "CLOCK_SYNCHRONISED", "check"]

_REFUSED, _TOLD = 300, 30  # seconds: GitHub's own limit is five minutes; tokens of an app bear less

CLOCK_RIGHT = Rule(
    id="clock-right",
    title="The clock agrees with that of a server",
    outcome=Outcome.FAILS,
    why="GitHub refuses the tokens of a machine that is more than five minutes off, and says something else",
    fix="sudo timedatectl set-ntp true, or start chrony; then start the runner again, which does not try by itself",
    link="https://github.com/actions/runner/issues/4648",
)
CLOCK_SYNCHRONISED = Rule(
    id="clock-synchronised",
    title="The clock follows a time server",
    outcome=Outcome.WARNING,
    why="it will drift until GitHub refuses the runner's tokens",
    fix="sudo timedatectl set-ntp true, or start chrony",
    link="https://github.com/actions/runner/issues/531",
)


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields how far the clock is off, and whether it will stay."""
    yield _skew(host.registry)
    match host.system.synchronised:
        case True:
            yield CLOCK_SYNCHRONISED.kept("the clock follows a time server")
        case False:
            yield CLOCK_SYNCHRONISED.broken("timedatectl: NTPSynchronized=no")
        case None:
            yield CLOCK_SYNCHRONISED.unknown(
                "there is no systemd here that would know; a container has its host's clock"
            )


def _skew(answer: Answer | None) -> Finding:
    try:
        there = parsedate_to_datetime(answer.date).timestamp() if answer else None
    except ValueError:  # nothing answered, or without a date
        there = None
    if answer is None or there is None:
        return CLOCK_RIGHT.unknown("no server was reached whose clock could be compared")
    off = round(answer.at - there)
    what = f"{abs(off)} s {'ahead of' if off > 0 else 'behind'} NGC's" if abs(off) > 1 else "as NGC's"
    if abs(off) >= _REFUSED:
        return CLOCK_RIGHT.broken(what)
    if abs(off) >= _TOLD:
        return CLOCK_RIGHT.broken(what, outcome=Outcome.WARNING)
    return CLOCK_RIGHT.kept(what)
