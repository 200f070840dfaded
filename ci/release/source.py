"""What a person names as the place of releases: a repository at GitHub, its address, or a folder of assets."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ci import github
from ci.errors import NoSuchRelease
from ci.github_api import GitHub, Release
from ci.release.folder import AssetFolder
from ci.release.offers import Offer, offers, offers_in
from pipelines.errors import UsageError

__all__ = ["Source"]

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_PATH = re.compile(r"/(?P<repository>[^/]+/[^/]+?)(?:\.git)?(?:/releases(?:/tag/(?P<tag>.+))?)?/?")


@dataclass(frozen=True)
class Source:
    """A place of releases.

    Attributes:
        github: The repository; None for a folder.
        folder: The folder of assets; None for a repository.
        tag: The only release that counts; None for all.
    """

    github: GitHub | None = None
    folder: Path | None = None
    tag: str | None = None

    @classmethod
    def parse(cls, text: str | None, *, tag: str | None = None) -> "Source":
        """Reads `owner/name`, `https://github.com/owner/name[/releases/tag/TAG]` or a folder; None is this repository.

        Raises:
            UsageError: It is none of these.
        """
        if text is not None and Path(text).is_dir():
            return cls(folder=Path(text))
        if text is None or _REPOSITORY.fullmatch(text):
            return cls(GitHub.connect(text), tag=tag)
        parts = urlsplit(text)
        match = _PATH.fullmatch(parts.path)
        if parts.scheme not in ("http", "https") or match is None or not _REPOSITORY.fullmatch(match["repository"]):
            raise UsageError(
                f"{text!r} names no releases",
                fix="give owner/name, https://github.com/owner/name, the address of a release, or a folder of assets",
            )
        address = f"{parts.scheme}://{parts.netloc}"
        return cls(
            GitHub.connect(match["repository"], api_url=_api_of(address)),
            tag=tag or (unquote(match["tag"]) if match["tag"] else None),
        )

    def offers(self) -> list[Offer]:
        """The versions that can be had here."""
        if self.github is None:
            return [*offers_in(AssetFolder.read(self.folder or Path()))]
        return [each for each in offers(self.github) if self.tag in (None, each.release.tag)]

    def release(self) -> Release:
        """The one release that the tag names; GitHub's latest without.

        Raises:
            NoSuchRelease: It is not published.
        """
        assert self.github is not None
        published = [each for each in self.github.releases.all() if not each.draft]
        chosen = self.tag or next((each.tag for each in (self.github.releases.latest(),) if each), None)
        for release in published:
            if release.tag == chosen:
                return release
        known = ", ".join(each.tag for each in published[:10])
        raise NoSuchRelease(
            f"{self.github.repository} has no published release {chosen or 'at all'}",
            fix=f"published: {known or 'none'}",
        )


def _api_of(address: str) -> str:
    """Where the REST API of a server is, see https://docs.github.com/en/enterprise-server/rest."""
    if address == github.server_url():
        return github.api_url()
    return "https://api.github.com" if address == "https://github.com" else f"{address}/api/v3"
