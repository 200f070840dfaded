"""What was found about the pins, and which of it somebody has accepted for a while."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ci.advisories.osv import Osv
from ci.advisories.pins import Pin
from ci.checked_yaml import read_checked
from ci.errors import BadYaml
from ci.targets import TARGETS, Targets
from pipelines.compatibility import DEFAULT_VERSION, TABLE, compatibility

__all__ = ["WAIVERS", "Accepted", "Finding", "from_osv", "from_table", "read_waivers"]

WAIVERS = Path(__file__).with_name("waivers.yaml")
SCHEMA = Path(__file__).with_name("waivers.schema.yaml")

# As the compatibility table calls what a package is.
_PRODUCTS = {"nemo-toolkit": "nemo", "torch": "torch"}
_SEVERITIES = ("critical", "high", "moderate", "medium", "low")


@dataclass(frozen=True)
class Finding:
    """An advisory about a pin.

    Attributes:
        pin: What is pinned.
        names: Every id of the advisory.
        severity: In lower case; empty where nobody has rated it.
        text: What it says in a line.
        page: Where people read it.
        fixed: Versions that no longer have it, as far as is known.
    """

    pin: Pin
    names: frozenset[str]
    severity: str
    text: str
    page: str
    fixed: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id people know: that of the CVE, if it has one."""
        return min(self.names, key=lambda name: (not name.startswith("CVE-"), name))

    @property
    def rank(self) -> tuple[int, str, Pin]:
        """Sorts the worst to the front, and what nobody has rated to the end."""
        rated = self.severity in _SEVERITIES
        return (_SEVERITIES.index(self.severity) if rated else len(_SEVERITIES)), self.id, self.pin

    def __str__(self) -> str:
        fixed = f"; fixed in {', '.join(self.fixed)}" if self.fixed else ""
        return f"{self.id} ({self.severity or 'not rated'}): {self.pin}: {self.text}{fixed}; {self.page}"


@dataclass(frozen=True)
class Accepted:
    """A waiver: one advisory, or all that is found in one lock only, until a day.

    Attributes:
        subject: The id of the advisory, or the name of the lock.
        whole_lock: Whether it is a lock.
        expires: The last day on which it counts.
        reason: Why it is acceptable.
    """

    subject: str
    whole_lock: bool
    expires: date
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of a finding, in time or not."""
        if not self.whole_lock:
            return self.subject in finding.names
        mine = re.compile(rf"{re.escape(self.subject)}(-source)?-\d+\.\d+\.txt")
        return all(mine.fullmatch(place) for place in finding.pin.places)


def from_osv(pins: Sequence[Pin], database: Osv) -> Iterator[Finding]:
    """What OSV publishes about the pins, each advisory once however many databases repeat it.

    Raises:
        AdvisoriesUnknown: The database cannot be asked.
    """
    named = database.about(pins)
    wanted = sorted({name for names in named.values() for name in names})
    published = {each.id: each for each in database.advisories(wanted)}
    for pin, names in named.items():
        told: set[str] = set()
        for each in (published[name] for name in names if name in published):
            if told & each.names:
                continue
            told |= each.names
            severity, fixed = each.severity.lower(), each.fixed.get(pin.name, ())
            yield Finding(pin, each.names, severity, each.summary, each.page, fixed)


def from_table(pins: Iterable[Pin]) -> Iterator[Finding]:
    """What the compatibility table lists about the pins, and about the versions of Riva that are used.

    Raises:
        BadYaml: targets.yaml, which names one of them, is broken.
    """
    used: dict[str, list[str]] = {}
    for version, path in ((DEFAULT_VERSION, TABLE), (Targets.read().riva_version, TARGETS)):
        used.setdefault(version, []).append(path.name)
    for pin in (*(Pin("NGC", "riva", version, tuple(places)) for version, places in used.items()), *pins):
        for each in compatibility().advisories_of(_PRODUCTS.get(pin.name, pin.name), pin.version):
            yield Finding(pin, frozenset({each.id}), each.severity.lower(), each.what, each.link)


def read_waivers(path: Path = WAIVERS) -> list[Accepted]:
    """The waivers of a file.

    Raises:
        BadYaml: It breaks its schema, or a day is none.
    """
    document = read_checked(path, schema=SCHEMA)
    waivers = []
    for index, entry in enumerate(document.data["waivers"]):
        try:
            expires = date.fromisoformat(str(entry["expires"]))
        except ValueError as error:
            place = document.place("waivers", index, "expires")
            raise BadYaml(f"{place}: {error}", fix="write the last day on which it counts as 2027-01-31") from error
        subject = entry.get("lock") or entry["advisory"]
        waivers.append(Accepted(subject, "lock" in entry, expires, entry["reason"]))
    return waivers
