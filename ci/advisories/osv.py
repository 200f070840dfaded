"""The open database of published advisories, OSV: which of them name a version.

It gathers GitHub's advisories, PyPI's and others for every ecosystem we use, needs no account, and answers a thousand
questions at once: https://google.github.io/osv.dev/api/. `HTTPS_PROXY` and `REQUESTS_CA_BUNDLE` are heeded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ci.advisories.pins import Pin
from ci.errors import AdvisoriesUnknown

if TYPE_CHECKING:
    import requests

__all__ = ["API", "Osv", "Published"]

API = "https://api.osv.dev"
AT_ONCE = 1000  # the API's own limit
TIMEOUTS = (10.0, 60.0)  # seconds to connect, and without a byte
ATTEMPTS = 4


@dataclass(frozen=True)
class Published:
    """A published advisory.

    Attributes:
        id: Its id at OSV, such as GHSA-53q9-r3pm-6pq6.
        aliases: Its other ids, such as CVE-2025-32434.
        summary: What it says in a line.
        severity: `CRITICAL`, `HIGH`, ... where the database that published it says so, else empty.
        fixed: By package name, the versions that no longer have it.
    """

    id: str
    aliases: frozenset[str]
    summary: str
    severity: str
    fixed: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Published":
        """An advisory as https://ossf.github.io/osv-schema/ writes it."""
        fixed: dict[str, list[str]] = {}
        for affected in data.get("affected", ()):
            name = affected.get("package", {}).get("name", "")
            events = (event for each in affected.get("ranges", ()) if each["type"] != "GIT" for event in each["events"])
            fixed.setdefault(name, []).extend(event["fixed"] for event in events if "fixed" in event)
        text = data.get("summary") or data.get("details", "").strip().partition("\n")[0]
        severity = data.get("database_specific", {}).get("severity", "")
        versions = {name: tuple(dict.fromkeys(each)) for name, each in fixed.items()}
        return cls(data["id"], frozenset(data.get("aliases", ())), text, severity, versions)

    @property
    def names(self) -> frozenset[str]:
        """Every id it goes by."""
        return self.aliases | {self.id}

    @property
    def page(self) -> str:
        """Where people read it."""
        return f"https://osv.dev/vulnerability/{self.id}"


class Osv:
    """The API at an address."""

    def __init__(self, address: str = API) -> None:
        self._address = address.rstrip("/")

    @cached_property
    def _session(self) -> "requests.Session":
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        again = Retry(
            ATTEMPTS, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None
        )  # every call only asks, POST included
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        return session

    def about(self, pins: Sequence[Pin]) -> dict[Pin, list[str]]:
        """The ids of the advisories that name each pin; pins without any are left out.

        Raises:
            AdvisoriesUnknown: No answer, or one that cannot be read.
        """
        found: dict[Pin, list[str]] = {}
        waiting: list[tuple[Pin, dict[str, Any]]] = [(pin, _query(pin)) for pin in pins]
        while waiting:
            asked, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            answer = self._ask("POST", "/v1/querybatch", json={"queries": [query for _, query in asked]})
            try:
                results = zip(asked, answer["results"], strict=True)
                for (pin, query), result in results:
                    ids = [each["id"] for each in result.get("vulns", ())]
                    if ids:
                        found.setdefault(pin, []).extend(ids)
                    if token := result.get("next_page_token"):
                        waiting.append((pin, {**query, "page_token": token}))
            except (KeyError, TypeError, ValueError) as error:
                raise _unreadable(f"{self._address}/v1/querybatch", error) from error
        return found

    def advisories(self, ids: Sequence[str]) -> Iterator[Published]:
        """The advisories themselves; those that were withdrawn are left out.

        Raises:
            AdvisoriesUnknown: No answer, or one that cannot be read.
        """
        for each in ids:
            data = self._ask("GET", f"/v1/vulns/{each}")
            try:
                if "withdrawn" not in data:
                    yield Published.read(data)
            except (KeyError, TypeError, AttributeError) as error:
                raise _unreadable(f"{self._address}/v1/vulns/{each}", error) from error

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        import requests

        try:
            response = self._session.request(method, self._address + path, timeout=TIMEOUTS, **options)
            response.raise_for_status()
            return response.json()
        except requests.RequestException as error:
            raise AdvisoriesUnknown(
                f"{method} {self._address}{path}: {error}",
                why="there is no way to the database, or it is down; then nothing is known about the pins",
                fix="check the network and the proxy (HTTPS_PROXY, REQUESTS_CA_BUNDLE), and run again",
            ) from error


def _query(pin: Pin) -> dict[str, Any]:
    return {"package": {"ecosystem": pin.ecosystem, "name": pin.name}, "version": pin.version}


def _unreadable(address: str, error: Exception) -> AdvisoriesUnknown:
    return AdvisoriesUnknown(
        f"{address}: the answer is not what the API promises ({type(error).__name__}: {error})",
        why="a proxy answers in its place, or the API has changed",
        fix="look at what the address answers",
    )
