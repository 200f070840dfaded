"""Where a consumer finds releases: at GitHub, or in a folder of assets that somebody carried over.

A version that was withdrawn stays where it is, for whoever asks for it by name, and is not chosen by itself any more. A
line in the release's notes says so: notes are all that GitHub lets anybody change on an immutable release.
"""

import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packaging.version import Version

from ci.checksums import SUMS, read_sums
from ci.errors import NoSuchRelease, ReleaseDamaged
from ci.github_api import GitHub, Release
from ci.release.folder import BUNDLE, AssetFolder
from ci.release.manifest import Manifest, manifest_name, model_of_manifest
from pipelines.digests import file_digest
from pipelines.progress import progress

__all__ = ["FolderOffer", "GitHubOffer", "Offer", "choose", "offers", "offers_in", "withdrawal", "withdrawn_in"]

_WITHDRAWN = re.compile(r"^> \*\*Withdrawn: (?P<model>\S+) (?P<version>\d+\.\d+\.\d+)\.\*\*.*$", re.MULTILINE)


class Offer(Protocol):
    """A version of a model that can be had."""

    @property
    def model(self) -> str:
        """The model."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def where(self) -> str:
        """The release that holds it, for people."""

    @property
    def withdrawn(self) -> bool:
        """Whether it is only for whoever asks for it by its version."""

    def manifest(self) -> Manifest:
        """Its release manifest, checked against SHA256SUMS."""

    def fetched(self, assets: Collection[str]) -> AbstractContextManager[Path]:
        """A folder with SHA256SUMS and these assets, checked; a context manager."""


@dataclass(frozen=True)
class GitHubOffer:
    """A version of a model in a release at GitHub."""

    github: GitHub
    release: Release
    model: str
    version: str

    @property
    def where(self) -> str:
        """The release's page."""
        return self.release.page

    @property
    def withdrawn(self) -> bool:
        """Whether the notes say so, or it is a pre-release."""
        return self.release.prerelease or (self.model, self.version) in withdrawn_in(self.release.notes)

    def manifest(self) -> Manifest:
        """The manifest; a small download."""
        name = manifest_name(self.model, self.version)
        with self.fetched([name]) as folder:
            return Manifest.read(folder / name)

    @contextmanager
    def fetched(self, assets: Collection[str]) -> Iterator[Path]:
        """Downloads SHA256SUMS and these assets into a folder that goes away at the end."""
        with tempfile.TemporaryDirectory(prefix="riva-release-") as name:
            download(self.github, self.release, Path(name), assets=assets)
            yield Path(name)


@dataclass(frozen=True)
class FolderOffer:
    """A version of a model in a folder of assets."""

    folder: AssetFolder
    model: str
    version: str
    withdrawn: bool = False

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder.path)

    def manifest(self) -> Manifest:
        """The manifest."""
        return Manifest.read(self.folder.path / manifest_name(self.model, self.version))

    @contextmanager
    def fetched(self, assets: Collection[str]) -> Iterator[Path]:
        """The folder itself; everything in it was checked."""
        yield self.folder.path


def offers(github: GitHub, model: str | None = None, version: str | None = None) -> list[GitHubOffer]:
    """What is published, newest version first; of one model, of one version, or all."""
    found = [
        GitHubOffer(github, release, *named)
        for release in github.releases.all()
        if not release.draft
        for asset in release.assets
        if (named := model_of_manifest(asset.name)) and model in (None, named[0]) and version in (None, named[1])
    ]
    return sorted(found, key=lambda offer: Version(offer.version), reverse=True)


def offers_in(folder: AssetFolder) -> list[FolderOffer]:
    """What a folder of assets holds."""
    return [FolderOffer(folder, each.model, each.version) for each in folder.manifests]


def choose(found: Sequence[Offer], *, model: str, version: str | None) -> Offer:
    """The version asked for, or the newest that is not withdrawn.

    Raises:
        NoSuchRelease: There is none; the message lists what there is.
    """
    mine = [offer for offer in found if offer.model == model]
    fitting = [offer for offer in mine if (offer.version == version if version else not offer.withdrawn)]
    if not fitting:
        known = ", ".join(f"{each.version}{' (withdrawn)' if each.withdrawn else ''}" for each in mine)
        models = ", ".join(sorted({each.model for each in found}))
        raise NoSuchRelease(
            f"no release has {model}{f' {version}' if version else ''}",
            fix=f"published versions: {known}" if mine else f"published models: {models or 'none'}",
        )
    return max(fitting, key=lambda offer: Version(offer.version))


def withdrawn_in(notes: str) -> set[tuple[str, str]]:
    """The models and versions that a release's notes say are withdrawn."""
    return {(match["model"], match["version"]) for match in _WITHDRAWN.finditer(notes)}


def withdrawal(model: str, version: str, *, instead: str) -> str:
    """The line of the notes that withdraws a version."""
    return f"> **Withdrawn: {model} {version}.** Install {instead} instead."


def download(github: GitHub, release: Release, into: Path, *, assets: Collection[str] | None = None) -> None:
    """Downloads SHA256SUMS and assets of a release, or all, and compares their digests.

    Raises:
        ReleaseDamaged: An asset is missing, or is not what SHA256SUMS says.
    """
    there = {asset.name: asset for asset in github.releases.assets(release)}
    wanted = [SUMS, *(sorted(there.keys() - {SUMS}) if assets is None else assets)]
    missing = [name for name in wanted if name not in there or not there[name].whole or Path(name).name != name]
    if missing:
        raise ReleaseDamaged(f"{release.page} has no {', '.join(missing)}", why="somebody removed it from the release")
    with progress(f"Downloading {release.tag}", sum(there[name].size for name in wanted)) as bar:
        for name in wanted:
            github.releases.download(there[name], into / name, advance=bar.advance)
    sums = read_sums(into / SUMS)
    for name in wanted:
        if name not in (SUMS, BUNDLE) and (digest := file_digest(into / name)) != sums.get(name):
            raise ReleaseDamaged(
                f"{name} of {release.page} has sha256 {digest}, {SUMS} says {sums.get(name, 'nothing')}",
                why="the asset was changed after the release, or damaged on the way",
                fix="try again; if it stays so, tell whoever publishes the release",
            )
