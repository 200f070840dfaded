"""Releases and their assets.

https://docs.github.com/en/rest/releases/releases, https://docs.github.com/en/rest/releases/assets
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.errors import GitHubNotFound
from ci.github_api import transfer
from ci.github_api.transport import Json, Transport

__all__ = ["Asset", "Release", "Releases"]


@dataclass(frozen=True)
class Asset:
    """A file of a release.

    Attributes:
        id: Its number in the API.
        name: Its name, unique in the release.
        size: Bytes.
        whole: False for what an interrupted upload leaves: GitHub calls its state `starter` instead of `uploaded`.
        sha256: Digest that GitHub computed; None where the server is too old to.
        address: Its place in the API, from which it is fetched.
    """

    id: int
    name: str
    size: int
    whole: bool
    sha256: str | None
    address: str

    @classmethod
    def read(cls, data: Json) -> "Asset":
        """An asset as the API writes it."""
        algorithm, _, digest = (data.get("digest") or "").partition(":")
        return cls(
            id=data["id"],
            name=data["name"],
            size=data["size"],
            whole=data["state"] == "uploaded",
            sha256=digest if algorithm == "sha256" else None,
            address=data["url"],
        )


@dataclass(frozen=True)
class Release:
    """A release.

    Attributes:
        id: Its number in the API.
        tag: The tag it belongs to.
        name: Its title.
        notes: Markdown.
        draft: Whether only those who may write to the repository see it.
        prerelease: Whether it is not offered as the latest.
        page: Where people see it.
        uploads: Where assets are sent.
        assets: Its files, without those of interrupted uploads; `Releases.assets` has all.
    """

    id: int
    tag: str
    name: str
    notes: str
    draft: bool
    prerelease: bool
    page: str
    uploads: str
    assets: tuple[Asset, ...]

    @classmethod
    def read(cls, data: Json) -> "Release":
        """A release as the API writes it."""
        return cls(
            id=data["id"],
            tag=data["tag_name"],
            name=data.get("name") or "",
            notes=data.get("body") or "",
            draft=data["draft"],
            prerelease=data["prerelease"],
            page=data["html_url"],
            uploads=data["upload_url"].partition("{")[0],
            assets=tuple(map(Asset.read, data.get("assets", ()))),
        )


class Releases:
    """The releases of a repository."""

    def __init__(self, transport: Transport, repository: str) -> None:
        self._transport, self._base = transport, f"repos/{repository}/releases"

    def all(self) -> list[Release]:
        """All releases, newest first; drafts only if the token may write."""
        return [Release.read(each) for each in self._transport.pages(self._base)]

    def get(self, release_id: int) -> Release:
        """A release by its number, as it is now."""
        return Release.read(self._transport.get(f"{self._base}/{release_id}"))

    def latest(self) -> Release | None:
        """The release that GitHub shows as the latest; None if nothing is published."""
        try:
            return Release.read(self._transport.get(f"{self._base}/latest"))
        except GitHubNotFound:
            return None

    def create_draft(self, tag: str, *, name: str, notes: str, commit: str | None = None) -> Release:
        """Makes a draft. Not repeated after a lost connection: look for a draft of the tag first.

        Args:
            tag: The tag; if it is not there when the draft is published, GitHub makes it.
            name: The title.
            notes: Markdown.
            commit: What a tag that GitHub makes points to.
        """
        content = {"tag_name": tag, "name": name, "body": notes, "draft": True}
        return Release.read(
            self._transport.post(self._base, content | ({"target_commitish": commit} if commit else {}))
        )

    def edit(self, release: Release, **changes: Any) -> Release:
        """Changes a release: `name`, `body`, `draft`, `prerelease`, `make_latest` ("true" or "false")."""
        return Release.read(self._transport.patch(f"{self._base}/{release.id}", changes))

    def delete(self, release: Release) -> None:
        """Removes a release with its assets; the tag stays."""
        self._transport.delete(f"{self._base}/{release.id}")

    def assets(self, release: Release) -> list[Asset]:
        """All assets as they are now, those of interrupted uploads included."""
        return [Asset.read(each) for each in self._transport.pages(f"{self._base}/{release.id}/assets")]

    def upload(self, release: Release, path: Path, *, name: str, advance: Callable[[int], None]) -> Asset:
        """Sends a file, once: see `transfer.upload` for what may have happened when it fails."""
        return Asset.read(transfer.upload(self._transport, release.uploads, path, name=name, advance=advance))

    def download(self, asset: Asset, path: Path, *, advance: Callable[[int], None]) -> None:
        """Fetches an asset; the content is the caller's to check."""
        transfer.download(self._transport, asset.address, path, size=asset.size, advance=advance)

    def delete_asset(self, asset: Asset) -> None:
        """Removes an asset."""
        self._transport.delete(f"{self._base}/assets/{asset.id}")

    def pause(self, attempt: int) -> None:
        """Waits before the next attempt at something that may not simply be sent again."""
        self._transport.pause(attempt)
