"""What the fake GitHub remembers of one repository, and how it answers; no HTTP here.

Written after https://docs.github.com/en/rest: status codes, field names, and the few rules that a client meets.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

Answer = tuple[int, dict[str, str], Any]


@dataclass
class Stored:
    """A release: what the API shows of it, and its assets by number."""

    data: dict[str, Any]
    assets: dict[int, dict[str, Any]] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)

    def files(self) -> dict[str, bytes]:
        """Content of the whole assets, by name."""
        return {a["name"]: self.contents[i] for i, a in self.assets.items() if a["state"] == "uploaded"}


class Repository:
    """Releases, runs, issues and pull requests of one repository."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.releases: dict[int, Stored] = {}
        self.runs: dict[int, dict[str, Any]] = {}
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.annotations: dict[int, list[dict[str, Any]]] = {}  # of a job, by its number
        self.issues: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.about: dict[str, Any] = {}  # `template_repository`, `source` and others, as the API shows them
        self.cancelled: list[int] = []
        self.immutable = False  # whether published releases are frozen, a setting of the repository
        self.digests = True  # whether the server computes digests of assets; old enterprise servers do not
        self.storage = ""  # address of the server that has the contents of assets
        self.largest = 2 * 1024**3  # bytes; an asset must be smaller
        self._numbers = count(1)

    def published(self, tag: str) -> Stored:
        """The one published release of a tag."""
        (found,) = (each for each in self.releases.values() if each.data["tag_name"] == tag and not each.data["draft"])
        return found

    def drafts(self, tag: str) -> list[Stored]:
        """The drafts of a tag."""
        return [each for each in self.releases.values() if each.data["tag_name"] == tag and each.data["draft"]]

    def put_release(self, tag: str, files: dict[str, bytes], *, base: str) -> Stored:
        """A published release, as if its requests had been made."""
        self.base, self.may_write = base, True
        made = json.dumps({"tag_name": tag, "name": tag, "body": f"Notes of {tag}.\n", "draft": False})
        _, _, shown = self.create_release(query={}, body=made.encode())
        stored = self.releases[shown["id"]]
        for name, content in files.items():
            self._store(stored, name, content, state="uploaded")
        return stored

    def leave_stub(self, release_id: int, name: str) -> None:
        """What an interrupted upload leaves behind."""
        self._store(self.releases[release_id], name, b"", state="starter")

    def answer(
        self, method: str, path: str, query: dict[str, str], body: bytes, *, may_write: bool, base: str
    ) -> Answer:
        """The answer to a request.

        Args:
            method: Of HTTP.
            path: Without the query.
            query: Its values.
            body: JSON, or the content of an asset.
            may_write: Whether the token does; without it drafts are not there.
            base: Address of this server, for the addresses in answers.
        """
        self.base = base
        prefix = f"/repos/{self.name}/"
        if path.startswith(("/uploads/", "/contents/")):
            routes, inner = _OUTSIDE, path
        elif f"{path}/".startswith(prefix):
            routes, inner = _ROUTES, f"{path}/".removeprefix(prefix).rstrip("/")
        else:
            return _NOT_FOUND
        for route, pattern, name in routes:
            match = re.fullmatch(pattern, inner)
            if match and route == method:
                if method != "GET" and not may_write:
                    needs = {"x-accepted-github-permissions": "contents=write"}
                    return 403, needs, {"message": "Resource not accessible by integration"}
                self.may_write = may_write
                found: Answer = getattr(self, name)(*match.groups(), query=query, body=body)
                return found
        return _NOT_FOUND

    def get_repository(self, *, query: dict[str, str], body: bytes) -> Answer:
        return 200, {}, {"full_name": self.name, **self.about}

    # releases

    def _shown(self, stored: Stored) -> dict[str, Any]:
        whole = [each for each in stored.assets.values() if each["state"] == "uploaded"]
        return {**stored.data, "assets": whole}

    def _seen(self, release_id: str) -> Stored | None:
        stored = self.releases.get(int(release_id))
        return None if stored is None or (stored.data["draft"] and not self.may_write) else stored

    def list_releases(self, *, query: dict[str, str], body: bytes) -> Answer:
        newest = sorted(self.releases.values(), key=lambda each: -each.data["id"])
        return self._page([self._shown(s) for s in newest if self.may_write or not s.data["draft"]], "releases", query)

    def latest_release(self, *, query: dict[str, str], body: bytes) -> Answer:
        offered = [s for s in self.releases.values() if not (s.data["draft"] or s.data["prerelease"])]
        marked = [s for s in offered if s.data["make_latest"]] or offered
        return (200, {}, self._shown(max(marked, key=lambda s: s.data["id"]))) if marked else _NOT_FOUND

    def get_release(self, release_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored = self._seen(release_id)
        return (200, {}, self._shown(stored)) if stored else _NOT_FOUND

    def create_release(self, *, query: dict[str, str], body: bytes) -> Answer:
        wanted = _read(body)
        number = next(self._numbers)
        data = {
            "id": number,
            "tag_name": wanted["tag_name"],
            "name": wanted.get("name"),
            "body": wanted.get("body"),
            "draft": wanted.get("draft", False),
            "prerelease": wanted.get("prerelease", False),
            "make_latest": False,
            "html_url": f"https://github.com/{self.name}/releases/tag/{wanted['tag_name']}",
            "upload_url": f"{self.base}/uploads/{number}/assets{{?name,label}}",
        }
        if not data["draft"] and self._tag_taken(data):
            return _taken("Release", "tag_name")
        self.releases[number] = Stored(data)
        return 201, {}, self._shown(self.releases[number])

    def edit_release(self, release_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored, changes = self._seen(release_id), _read(body)
        if stored is None:
            return _NOT_FOUND
        if self._frozen(stored) and set(changes) - {"name", "body", "make_latest"}:
            return _invalid("Cannot change an immutable release")
        if changes.get("draft") is False and stored.data["draft"] and self._tag_taken(stored.data):
            return _taken("Release", "tag_name")
        if "make_latest" in changes and changes["make_latest"] == "true":
            for other in self.releases.values():
                other.data["make_latest"] = False
        stored.data.update(changes, make_latest=changes.get("make_latest") == "true" or stored.data["make_latest"])
        return 200, {}, self._shown(stored)

    def delete_release(self, release_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        return (204, {}, None) if self.releases.pop(int(release_id), None) else _NOT_FOUND

    def _tag_taken(self, data: dict[str, Any]) -> bool:
        others = (s.data for s in self.releases.values() if s.data["id"] != data["id"] and not s.data["draft"])
        return any(other["tag_name"] == data["tag_name"] for other in others)

    def _frozen(self, stored: Stored) -> bool:
        return self.immutable and not stored.data["draft"]

    # assets

    def list_assets(self, release_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored = self._seen(release_id)
        return (
            self._page(list(stored.assets.values()), f"releases/{release_id}/assets", query) if stored else _NOT_FOUND
        )

    def upload_asset(self, release_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored = self._seen(release_id)
        if stored is None:
            return _NOT_FOUND
        if self._frozen(stored):
            return _invalid("Cannot upload assets to an immutable release.")
        if any(each["name"] == query["name"] for each in stored.assets.values()):
            return _taken("ReleaseAsset", "name")
        if len(body) >= self.largest:
            return _invalid("size must be less than or equal to 2147483648")
        return 201, {}, self._store(stored, query["name"], body, state="uploaded")

    def _store(self, stored: Stored, name: str, content: bytes, *, state: str) -> dict[str, Any]:
        number = next(self._numbers)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        stored.contents[number] = content
        stored.assets[number] = {
            "id": number,
            "name": name,
            "size": len(content),
            "state": state,
            "digest": digest if self.digests and state == "uploaded" else None,
            "url": f"{self.base}/repos/{self.name}/releases/assets/{number}",
        }
        return stored.assets[number]

    def get_asset(self, asset_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        """Redirects, as GitHub does to its storage."""
        place = {"Location": f"{self.storage}/contents/{asset_id}"}
        return (302, place, None) if self._holder(asset_id) else _NOT_FOUND

    def get_content(self, asset_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored = self._holder(asset_id)
        return (200, {}, stored.contents[int(asset_id)]) if stored else _NOT_FOUND

    def delete_asset(self, asset_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        stored = self._holder(asset_id)
        if stored is None:
            return _NOT_FOUND
        if self._frozen(stored):
            return _invalid("Cannot delete asset from an immutable release")
        del stored.assets[int(asset_id)], stored.contents[int(asset_id)]
        return 204, {}, None

    def _holder(self, asset_id: str) -> Stored | None:
        found = (s for s in self.releases.values() if int(asset_id) in s.assets)
        return next((s for s in found if self.may_write or not s.data["draft"]), None)

    # runs of workflows

    def get_run(self, run_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        run = self.runs.get(int(run_id))
        return (200, {}, run) if run else _NOT_FOUND

    def list_runs(self, workflow: str, *, query: dict[str, str], body: bytes) -> Answer:
        found = [run for run in self._runs_like(query) if run.get("path", "").endswith(workflow)]
        return self._page(found, f"actions/workflows/{workflow}/runs", query, key="workflow_runs")

    def list_all_runs(self, *, query: dict[str, str], body: bytes) -> Answer:
        return self._page(self._runs_like(query), "actions/runs", query, key="workflow_runs")

    def _runs_like(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """`status` asks for a status or for a conclusion."""
        filters = {"status": ("status", "conclusion"), "branch": ("head_branch",), "event": ("event",)}
        return [
            run
            for run in self.runs.values()
            if all(query[name] in map(run.get, keys) for name, keys in filters.items() if name in query)
        ]

    def list_jobs(self, run_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        return self._page(self.jobs.get(int(run_id), []), f"actions/runs/{run_id}/jobs", query, key="jobs")

    def list_annotations(self, job_id: str, *, query: dict[str, str], body: bytes) -> Answer:
        return self._page(self.annotations.get(int(job_id), []), f"check-runs/{job_id}/annotations", query)

    def cancel_run(self, run_id: str, _how: str, *, query: dict[str, str], body: bytes) -> Answer:
        run = self.runs.get(int(run_id))
        if run is None:
            return _NOT_FOUND
        if run["status"] == "completed":
            return 409, {}, {"message": "Cannot cancel a workflow run that is completed."}
        self.cancelled.append(int(run_id))
        run.update(status="completed", conclusion="cancelled")
        return 202, {}, {}

    # issues and pull requests

    def list_issues(self, *, query: dict[str, str], body: bytes) -> Answer:
        """Pull requests are issues too."""
        wanted = set(filter(None, query.get("labels", "").split(",")))
        entries = [*self.issues.values(), *({**p, "labels": [], "pull_request": {}} for p in self.pulls.values())]
        found = [
            each
            for each in sorted(entries, key=lambda each: -each["number"])
            if wanted <= {label["name"] for label in each["labels"]} and query.get("state") in ("all", each["state"])
        ]
        return self._page(found, "issues", query)

    def create_issue(self, *, query: dict[str, str], body: bytes) -> Answer:
        wanted, number = _read(body), next(self._numbers)
        self.issues[number] = {
            "number": number,
            "title": wanted["title"],
            "body": wanted.get("body"),
            "state": "open",
            "labels": [{"name": label} for label in wanted.get("labels", ())],
            "comments": [],
            "html_url": f"https://github.com/{self.name}/issues/{number}",
        }
        return 201, {}, self.issues[number]

    def edit_issue(self, number: str, *, query: dict[str, str], body: bytes) -> Answer:
        issue, changes = self.issues.get(int(number)), _read(body)
        if issue is None:
            return _NOT_FOUND
        if "labels" in changes:
            changes["labels"] = [{"name": label} for label in changes["labels"]]
        issue.update(changes)
        return 200, {}, issue

    def comment(self, number: str, *, query: dict[str, str], body: bytes) -> Answer:
        issue = self.issues.get(int(number)) or self.pulls.get(int(number))
        if issue is None:
            return _NOT_FOUND
        issue["comments"].append(_read(body)["body"])
        return 201, {}, {}

    def list_pulls(self, *, query: dict[str, str], body: bytes) -> Answer:
        head = query.get("head", "").partition(":")[2]
        found = [
            each
            for each in self.pulls.values()
            if head in ("", each["head"]["ref"]) and query.get("state") in ("all", each["state"])
        ]
        return self._page(found, "pulls", query)

    def create_pull(self, *, query: dict[str, str], body: bytes) -> Answer:
        wanted, number = _read(body), next(self._numbers)
        if any(p["head"]["ref"] == wanted["head"] and p["state"] == "open" for p in self.pulls.values()):
            return _invalid(f"A pull request already exists for {self.name.split('/')[0]}:{wanted['head']}.")
        self.pulls[number] = {
            "number": number,
            "title": wanted["title"],
            "body": wanted.get("body"),
            "state": "open",
            "head": {"ref": wanted["head"]},
            "base": {"ref": wanted["base"]},
            "comments": [],
            "html_url": f"https://github.com/{self.name}/pull/{number}",
        }
        return 201, {}, self.pulls[number]

    def edit_pull(self, number: str, *, query: dict[str, str], body: bytes) -> Answer:
        pull, changes = self.pulls.get(int(number)), _read(body)
        if pull is None:
            return _NOT_FOUND
        if "base" in changes:
            changes["base"] = {"ref": changes["base"]}
        pull.update(changes)
        return 200, {}, pull

    def _page(self, entries: list[dict[str, Any]], path: str, query: dict[str, str], *, key: str = "") -> Answer:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        shown, headers = entries[(page - 1) * size : page * size], {}
        if page * size < len(entries):
            following = urlencode({**query, "page": page + 1})
            headers = {"Link": f'<{self.base}/repos/{self.name}/{path}?{following}>; rel="next"'}
        return 200, headers, {"total_count": len(entries), key: shown} if key else shown


_NOT_FOUND: Answer = (404, {}, {"message": "Not Found"})

_OUTSIDE = [("POST", r"/uploads/(\d+)/assets", "upload_asset"), ("GET", r"/contents/(\d+)", "get_content")]
_ROUTES = [
    ("GET", r"", "get_repository"),
    ("GET", r"releases", "list_releases"),
    ("POST", r"releases", "create_release"),
    ("GET", r"releases/latest", "latest_release"),
    ("GET", r"releases/(\d+)", "get_release"),
    ("PATCH", r"releases/(\d+)", "edit_release"),
    ("DELETE", r"releases/(\d+)", "delete_release"),
    ("GET", r"releases/(\d+)/assets", "list_assets"),
    ("GET", r"releases/assets/(\d+)", "get_asset"),
    ("DELETE", r"releases/assets/(\d+)", "delete_asset"),
    ("GET", r"actions/runs", "list_all_runs"),
    ("GET", r"actions/runs/(\d+)", "get_run"),
    ("GET", r"actions/workflows/([\w.-]+)/runs", "list_runs"),
    ("GET", r"actions/runs/(\d+)/jobs", "list_jobs"),
    ("GET", r"check-runs/(\d+)/annotations", "list_annotations"),
    ("POST", r"actions/runs/(\d+)/(cancel|force-cancel)", "cancel_run"),
    ("GET", r"issues", "list_issues"),
    ("POST", r"issues", "create_issue"),
    ("PATCH", r"issues/(\d+)", "edit_issue"),
    ("POST", r"issues/(\d+)/comments", "comment"),
    ("GET", r"pulls", "list_pulls"),
    ("POST", r"pulls", "create_pull"),
    ("PATCH", r"pulls/(\d+)", "edit_pull"),
]


def _read(body: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(body)
    return content


def _invalid(message: str) -> Answer:
    return 422, {}, {"message": "Validation Failed", "errors": [{"message": message}]}


def _taken(resource: str, key: str) -> Answer:
    error = {"resource": resource, "field": key, "code": "already_exists"}
    return 422, {}, {"message": "Validation Failed", "errors": [error]}
