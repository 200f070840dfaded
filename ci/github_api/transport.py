"""HTTP with GitHub's manners: what is asked again and when, pages, rate limits, and errors that say what to do.

A request that changes nothing by being repeated (GET, PUT, PATCH, DELETE) is sent again after a lost connection or 5xx.
A POST is not: it may have been carried out, so whoever sends one looks first. A rate limit refuses before anything is
done, so every request is sent again after one.
"""

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from time import sleep, time
from typing import TYPE_CHECKING, Any

from ci.errors import (
    GitHubError,
    GitHubForbidden,
    GitHubLimited,
    GitHubNotFound,
    GitHubRefused,
    GitHubUnauthorized,
    GitHubUnavailable,
)

if TYPE_CHECKING:
    import requests

__all__ = ["API_VERSION", "ATTEMPTS", "Json", "Transport", "unreachable"]

API_VERSION = "2022-11-28"
ATTEMPTS = 5
FIRST_PAUSE = 1.0  # seconds; doubled for each further attempt
LONGEST_WAIT = 15 * 60.0  # seconds for a rate limit; a job that waits longer is better run again
WITHOUT_HINT = 60.0  # seconds, where a secondary limit names none: GitHub asks for at least a minute
TIMEOUTS = (10.0, 120.0)  # seconds to connect, and without a byte: GitHub stores a large asset before it answers
PER_PAGE = 100

Json = dict[str, Any]

_PASSING = frozenset({500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "PATCH", "DELETE"})


class Transport:
    """One address of the REST API with one token; keeps its connection.

    Args:
        api_url: Such as https://api.github.com; paths are joined to it, whole addresses are taken as they are.
        token: Sent as bearer; None asks as anybody may.
    """

    def __init__(self, api_url: str, *, token: str | None) -> None:
        self._api_url, self._token = api_url.rstrip("/"), token

    @cached_property
    def _session(self) -> "requests.Session":
        import requests

        session = requests.Session()
        session.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": API_VERSION,
                "User-Agent": "riva-ci",
            }
        )
        session.auth = self._authorise  # not a header: requests would let a ~/.netrc replace that
        return session

    def _authorise(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def get(self, path: str, **params: Any) -> Json:
        """One object."""
        with self.send("GET", path, params=params) as response:
            return _object(response)

    def pages(self, path: str, *, key: str | None = None, **params: Any) -> Iterator[Json]:
        """The objects of a list, page by page; `key` names the list where it is wrapped in an object."""
        following: str | None = path
        query: Mapping[str, Any] | None = {**params, "per_page": PER_PAGE}
        while following:
            with self.send("GET", following, params=query) as response:
                content = response.json()
                yield from content[key] if key else content
                following, query = response.links.get("next", {}).get("url"), None

    def post(self, path: str, content: Json | None = None) -> Json:
        """Makes something; is not sent again unless it was refused for its rate."""
        with self.send("POST", path, json=content) as response:
            return _object(response)

    def patch(self, path: str, content: Json) -> Json:
        """Sets values."""
        with self.send("PATCH", path, json=content) as response:
            return _object(response)

    def delete(self, path: str) -> None:
        """Removes something; that it is gone already is as good."""
        try:
            with self.send("DELETE", path):
                return
        except GitHubNotFound:
            return

    @contextmanager
    def send(
        self, method: str, path: str, *, body: Callable[[], Any] | None = None, **options: Any
    ) -> "Iterator[requests.Response]":
        """Sends a request until it is answered for good.

        Args:
            method: Of HTTP.
            path: Below the API's address, or an address.
            body: Called for the content of each attempt, where that is a stream.
            options: Those of `requests`.

        Raises:
            GitHubError: One for each kind of refusal, see `ci.errors`.
        """
        response = self._answer(method, path, body=body or (lambda: None), **options)
        try:
            yield response
        finally:
            response.close()

    def _answer(self, method: str, path: str, *, body: Callable[[], Any], **options: Any) -> "requests.Response":
        import requests

        address = path if "://" in path else f"{self._api_url}/{path.lstrip('/')}"
        call = f"{method} {address}"
        attempts = ATTEMPTS if method in _REPEATABLE else 1
        failed = 0
        while True:
            try:
                response = self._session.request(method, address, timeout=TIMEOUTS, data=body(), **options)
            except requests.RequestException as error:
                problem: GitHubError = unreachable(call, error)
            else:
                if response.ok:
                    return response
                response.close()
                seconds = _limit(response)
                if seconds is not None:
                    self._wait_for_limit(call, seconds)
                    continue
                problem = _refusal(call, response)
                if response.status_code not in _PASSING:
                    raise problem
            failed += 1
            if failed == attempts:
                raise problem
            self.pause(failed - 1)

    def pause(self, attempt: int) -> None:
        """Waits before the next attempt, twice as long each time; jitter keeps jobs that failed together apart."""
        sleep(FIRST_PAUSE * 2**attempt * random.uniform(0.8, 1.2))  # noqa: S311 - no secret

    def _wait_for_limit(self, call: str, seconds: float) -> None:
        ends = datetime.fromtimestamp(time() + seconds, UTC).strftime("%H:%M:%S UTC")
        if seconds > LONGEST_WAIT:
            raise GitHubLimited(
                f"GitHub's rate limit is used up until {ends}: {call}",
                why="this token, or without one this address, has asked too often within the hour",
                fix="run again after that time" + ("" if self._token else ", or set GITHUB_TOKEN for a higher limit"),
            )
        print(f"GitHub's rate limit is used up; waiting until {ends}", file=sys.stderr, flush=True)
        sleep(seconds)


def _object(response: "requests.Response") -> Json:
    content: Json = response.json() if response.content else {}
    return content


def _limit(response: "requests.Response") -> float | None:
    """Seconds until it is worth asking again, if a rate limit is what refused; else None.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    if response.status_code not in (403, 429):
        return None
    headers = response.headers
    if headers.get("retry-after", "").isdigit():
        return float(headers["retry-after"])
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(1.0, float(headers["x-ratelimit-reset"]) - time() + 1.0)  # its clock and ours may differ
    limited = response.status_code == 429 or "rate limit" in _message(response).casefold()
    return WITHOUT_HINT if limited else None


def unreachable(call: str, error: "requests.RequestException") -> GitHubUnavailable:
    """What to say of a connection that was lost or never made."""
    return GitHubUnavailable(
        f"no answer to {call}: {error}",
        why="the connection was lost, or there is none",
        fix="check the network and the proxy (HTTPS_PROXY, REQUESTS_CA_BUNDLE), then run the same command again",
    )


def _refusal(call: str, response: "requests.Response") -> GitHubError:
    code = response.status_code
    what = f"GitHub answered {code} to {call}: {_message(response)}"
    if code == 401:
        return GitHubUnauthorized(what, fix="set GITHUB_TOKEN to a token that is valid, and not expired")
    if code == 403:
        wanted = response.headers.get("x-accepted-github-permissions", "")
        why = f"the call needs {wanted}" if wanted else "the token may not do this"
        return GitHubForbidden(what, why=why, fix="grant that in `permissions:` of the job, or use another token")
    if code == 404:
        return GitHubNotFound(
            what,
            why="it is not there, or it is private and the token may not see it",
            fix="check the names, and that GITHUB_TOKEN may read the repository",
        )
    if code in _PASSING:
        return GitHubUnavailable(what, fix="run the same command again; githubstatus.com says what is known")
    return GitHubRefused(what, why="the request makes no sense as things stand", fix="the message names what is wrong")


def _message(response: "requests.Response") -> str:
    """What GitHub says: the message, and for 422 which field and why."""
    try:
        content = response.json()
    except ValueError:
        return response.reason or "no message"
    details = [
        " ".join(str(error[key]) for key in ("resource", "field", "code", "message") if error.get(key))
        for error in content.get("errors", ())
        if isinstance(error, dict)
    ]
    return "; ".join([str(content.get("message", "no message")), *details])
