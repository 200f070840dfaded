"""Issues and pull requests.

https://docs.github.com/en/rest/issues/issues, https://docs.github.com/en/rest/pulls/pulls
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ci.github_api.transport import Json, Transport

__all__ = ["Issue", "Issues", "Pull", "Pulls"]


@dataclass(frozen=True)
class Issue:
    """An issue.

    Attributes:
        number: Its number in the repository.
        title: Its title.
        body: Its first text, Markdown.
        state: `open` or `closed`.
        labels: Names of its labels.
        page: Where people see it.
    """

    number: int
    title: str
    body: str
    state: str
    labels: tuple[str, ...]
    page: str

    @classmethod
    def read(cls, data: Json) -> "Issue":
        """An issue as the API writes it."""
        labels = tuple(each["name"] for each in data.get("labels", ()))
        return cls(data["number"], data["title"], data.get("body") or "", data["state"], labels, data["html_url"])


@dataclass(frozen=True)
class Pull:
    """A pull request.

    Attributes:
        number: Its number in the repository.
        title: Its title.
        body: Its first text, Markdown.
        state: `open` or `closed`.
        head: The branch that is to be merged.
        base: The branch it is merged into.
        page: Where people see it.
    """

    number: int
    title: str
    body: str
    state: str
    head: str
    base: str
    page: str

    @classmethod
    def read(cls, data: Json) -> "Pull":
        """A pull request as the API writes it."""
        head, base = data["head"]["ref"], data["base"]["ref"]
        return cls(data["number"], data["title"], data.get("body") or "", data["state"], head, base, data["html_url"])


class Issues:
    """The issues of a repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._transport, self._base = transport, f"repos/{repository}/issues"

    def search(self, *, labels: Sequence[str] = (), state: str = "open") -> list[Issue]:
        """Issues that have all of these labels, newest first; not the pull requests that the API lists among them."""
        found = self._transport.pages(self._base, labels=",".join(labels), state=state)
        return [Issue.read(each) for each in found if "pull_request" not in each]

    def create(self, *, title: str, body: str, labels: Sequence[str] = ()) -> Issue:
        """Opens an issue. Not repeated after a lost connection: search first, so that there is one."""
        content = {"title": title, "body": body, "labels": list(labels)}
        return Issue.read(self._transport.post(self._base, content))

    def update(self, number: int, **changes: Any) -> Issue:
        """Changes an issue: `title`, `body`, `state`, `labels`."""
        return Issue.read(self._transport.patch(f"{self._base}/{number}", changes))

    def comment(self, number: int, body: str) -> None:
        """Writes below an issue or a pull request."""
        self._transport.post(f"{self._base}/{number}/comments", {"body": body})


class Pulls:
    """The pull requests of a repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._transport, self._base = transport, f"repos/{repository}/pulls"
        self._owner = repository.split("/")[0]

    def find(self, *, head: str, state: str = "open") -> Pull | None:
        """The newest pull request of a branch of this repository; None if there is none."""
        found = self._transport.pages(self._base, head=f"{self._owner}:{head}", state=state)
        return next(map(Pull.read, found), None)

    def create(self, *, title: str, body: str, head: str, base: str) -> Pull:
        """Opens a pull request. Not repeated after a lost connection: `find` first, so that there is one."""
        return Pull.read(self._transport.post(self._base, {"title": title, "body": body, "head": head, "base": base}))

    def update(self, number: int, **changes: Any) -> Pull:
        """Changes a pull request: `title`, `body`, `state`, `base`."""
        return Pull.read(self._transport.patch(f"{self._base}/{number}", changes))
