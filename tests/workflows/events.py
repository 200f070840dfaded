"""Recorded events: what they say in the `github` context, and which workflows they start.

Source of the rules: GitHub's "Events that trigger workflows" and "Contexts reference".
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.workflows.github import Document

__all__ = ["EVENTS", "RUN_ID", "TOKEN", "Event", "recorded"]

PAYLOADS = Path(__file__).parent / "payloads"
EVENTS = {
    "push": "push",
    "tag": "push",
    "tag-of-model": "push",
    "pull-request": "pull_request",
    "pull-request-from-fork": "pull_request",
    "workflow-dispatch": "workflow_dispatch",
    "schedule": "schedule",
}
COMMIT = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"  # what every recorded event is about
RUN_ID = 1658821493
TOKEN = "token-of-the-job"  # what every job is given
DEFAULT_TYPES = {"pull_request": ("opened", "synchronize", "reopened")}


@dataclass(frozen=True)
class Event:
    """An event as GitHub delivers it to workflows.

    Attributes:
        name: Such as push.
        payload: The body of the webhook, trimmed.
        ref: The ref that is checked out.
        sha: Its commit.
    """

    name: str
    payload: Document
    ref: str
    sha: str

    @property
    def from_fork(self) -> bool:
        """Whether the code that would run comes from another repository."""
        if self.name != "pull_request":
            return False
        return bool(
            self.payload["pull_request"]["head"]["repo"]["full_name"] != self.payload["repository"]["full_name"]
        )

    def context(self, workflow: str) -> dict[str, Any]:
        """The `github` context of a workflow's run."""
        repository = self.payload["repository"]
        pull = self.payload.get("pull_request", {})
        return {
            "event_name": self.name,
            "event": self.payload,
            "ref": self.ref,
            "ref_name": re.sub(r"^refs/(heads|tags|pull)/", "", self.ref),
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "ref_protected": False,
            "sha": self.sha,
            "head_ref": pull.get("head", {}).get("ref", ""),
            "base_ref": pull.get("base", {}).get("ref", ""),
            "repository": repository["full_name"],
            "repository_owner": repository["owner"]["login"],
            "repository_visibility": repository["visibility"],
            "actor": self.payload.get("sender", {}).get("login", repository["owner"]["login"]),
            "triggering_actor": self.payload.get("sender", {}).get("login", repository["owner"]["login"]),
            "workflow": workflow,
            "run_id": str(RUN_ID),
            "run_number": "7",
            "run_attempt": "1",
            "server_url": "https://github.com",
            "api_url": "https://api.github.com",
            "token": TOKEN,
        }

    def starts(self, file: str, workflow: Document) -> bool:
        """Whether the event starts the workflow of a file; what a person starts by hand is one of them."""
        on = workflow["on"]
        triggers = {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else on
        if self.name not in triggers:
            return False
        asked = triggers[self.name] or {}
        if self.name == "schedule":
            return self.payload["schedule"] in [each["cron"] for each in asked]
        if self.name == "push":
            kind, name = self.ref.removeprefix("refs/").split("/", 1)
            mine, other = ("tags", "branches") if kind == "tags" else ("branches", "tags")
            if mine not in asked and f"{mine}-ignore" not in asked and other in asked:
                return False
            return _passes(asked, mine, [name]) and (kind == "tags" or _passes(asked, "paths", self._changed()))
        if self.name == "pull_request":
            types = asked.get("types", DEFAULT_TYPES["pull_request"])
            base = self.payload["pull_request"]["base"]["ref"]
            return self.payload["action"] in types and _passes(asked, "branches", [base])
        return bool(self.payload["workflow"] == file)

    def _changed(self) -> list[str]:
        commits = self.payload["commits"]
        return [path for commit in commits for kind in ("added", "removed", "modified") for path in commit[kind]]


def recorded(file: str, **changes: Any) -> Event:
    """The event of a file of `payloads/`, without its ending, with other values in the body; dots lead inside."""
    payload = json.loads((PAYLOADS / f"{file}.json").read_text(encoding="utf-8"))
    for name, value in changes.items():
        *path, last = name.split(".")
        inside = payload
        for step in path:
            inside = inside[step]
        inside[last] = value
    merge = f"refs/pull/{payload['number']}/merge" if "pull_request" in payload else None
    ref = merge or payload.get("ref", f"refs/heads/{payload['repository']['default_branch']}")
    return Event(EVENTS[file], payload, ref, COMMIT)


def _passes(asked: Document, key: str, names: Sequence[str]) -> bool:
    """Whether one of the names passes a filter; later patterns win, those with `!` take away."""
    if f"{key}-ignore" in asked:
        return not all(any(_matches(pattern, name) for pattern in asked[f"{key}-ignore"]) for name in names)
    return key not in asked or any(_chosen(asked[key], name) for name in names)


def _chosen(patterns: Sequence[str], name: str) -> bool:
    chosen = False
    for pattern in patterns:
        if _matches(pattern.removeprefix("!"), name):
            chosen = not pattern.startswith("!")
    return chosen


def _matches(pattern: str, name: str) -> bool:
    """GitHub's patterns: `*` stops at a slash, `**` does not; `?`, `+` and `[]` are those of regular expressions."""
    parts = re.split(r"(\*\*/?|\*)", pattern)
    stars = {"*": "[^/]*", "**": ".*", "**/": "(.*/)?"}
    expression = "".join(stars.get(part, re.sub(r"[.^$(){}|\\]", r"\\\g<0>", part)) for part in parts)
    return re.fullmatch(expression, name) is not None
