"""Publishes a folder of assets: a draft is filled, read back and compared, and published in one step at the end.

Until then nobody sees it, and whatever stops in between is continued by the next run: assets that are right stay.
"""

import tempfile
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from ci.errors import AlreadyPublished, GitHubRefused, GitHubUnavailable, ReleaseDamaged
from ci.github_api import Asset, GitHub, Release
from ci.github_api.transport import ATTEMPTS
from ci.release.card import release_notes
from ci.release.folder import AssetFolder
from ci.release.manifest import Manifest
from ci.release.offers import offers
from pipelines.digests import file_digest
from pipelines.progress import Progress, progress

__all__ = ["Published", "Step", "check_unpublished", "publish"]


@dataclass(frozen=True)
class Step:
    """What became of an asset.

    Attributes:
        asset: Its name.
        size: Bytes.
        sha256: Of its content.
        done: `kept`, `uploaded`, `replaced`, or what a dry run would do.
    """

    asset: str
    size: int
    sha256: str
    done: str


@dataclass(frozen=True)
class Published:
    """What a run of `publish` did.

    Attributes:
        page: Where people see the release; empty after a dry run that made none.
        steps: What became of each asset.
        before: Whether it was published already, so that nothing was done.
    """

    page: str
    steps: tuple[Step, ...]
    before: bool = False


def check_unpublished(github: GitHub, manifests: Sequence[Manifest]) -> None:
    """Refuses what is published already with other bytes, in whichever release.

    Raises:
        AlreadyPublished: It is; the message names model, file and both digests.
    """
    for manifest in manifests:
        for offer in offers(github, manifest.model, manifest.version):
            _check_same(offer.manifest(), manifest)


def publish(github: GitHub, folder: AssetFolder, *, tag: str, commit: str | None, dry_run: bool) -> Published:
    """Publishes a folder of assets as the release of a tag; nothing if that is done already.

    Raises:
        AlreadyPublished: A model's version is published with other bytes.
        GitHubError: GitHub refused, or cannot be reached; running again continues.
        ReleaseDamaged: What GitHub gives back is not what was sent.
    """
    check_unpublished(github, folder.manifests)
    existing = [release for release in github.releases.all() if release.tag == tag]
    for release in existing:
        if not release.draft:
            _check_complete(release, folder)
            return Published(release.page, (), before=True)
    drafts = sorted(existing, key=lambda release: release.id)
    if dry_run:
        kept = {asset.name: asset for asset in github.releases.assets(drafts[0])} if drafts else {}
        return Published("", tuple(_plan(folder, name, kept.get(name)) for name in sorted(folder.sums)))
    notes = release_notes(folder.manifests)
    draft = drafts[0] if drafts else _create(github, tag, notes=notes, commit=commit)
    steps = _fill(github, draft, folder)
    _read_back(github, draft, folder)
    published = github.releases.edit(draft, name=tag, body=notes, draft=False)
    _check_names(published.tag, {asset.name for asset in published.assets}, folder)
    return Published(published.page, steps)


def _check_same(published: Manifest, manifest: Manifest) -> None:
    for target, ours in manifest.digests().items():
        theirs = published.digests().get(target, ours)
        for file in sorted({*ours, *theirs}):
            if ours.get(file) != theirs.get(file):
                raise AlreadyPublished(
                    f"{manifest.model} {manifest.version} was published as {published.data['tag']} with other bytes: "
                    f"{file} for {target} is {theirs.get(file, 'not there')}, now {ours.get(file, 'not there')}",
                    why="the checkpoint, its options or the tools have changed since",
                    fix="raise `version` in its pipeline.yaml: whoever installed this version keeps what they have",
                )


def _check_complete(release: Release, folder: AssetFolder) -> None:
    """A release that is out has all that we would publish; what it was built with and when may differ."""
    missing = {part.asset for manifest in folder.manifests for part in manifest.assets}
    missing -= {asset.name for asset in release.assets}
    if missing:
        raise AlreadyPublished(
            f"{release.tag} is published without {', '.join(sorted(missing))}",
            why="a target or a model was added after the tag was released",
            fix="set a new tag: a published release is never changed",
        )


def _create(github: GitHub, tag: str, *, notes: str, commit: str | None) -> Release:
    """Makes a draft; whether one whose answer was lost has been made is seen by looking."""
    for attempt in range(ATTEMPTS):
        try:
            return github.releases.create_draft(tag, name=tag, notes=notes, commit=commit)
        except GitHubUnavailable:
            if attempt == ATTEMPTS - 1:
                raise
            github.releases.pause(attempt)
            drafts = [release for release in github.releases.all() if release.tag == tag and release.draft]
            if drafts:
                return min(drafts, key=lambda release: release.id)
    raise AssertionError("the last attempt returns or raises")


def _fill(github: GitHub, draft: Release, folder: AssetFolder) -> tuple[Step, ...]:
    """Makes the draft's assets those of the folder."""
    there = {asset.name: asset for asset in github.releases.assets(draft)}
    for name in there.keys() - folder.sums.keys():  # of an earlier attempt at this tag
        github.releases.delete_asset(there[name])
    plan = [_plan(folder, name, there.get(name)) for name in sorted(folder.sums)]
    total = sum(step.size for step in plan if step.done != "kept")
    with progress(f"Uploading to {draft.tag}", total) as bar:
        for step in plan:
            if step.done != "kept":
                _upload(github, draft, folder.path, step, there.get(step.asset), bar=bar)
    return tuple(plan)


def _plan(folder: AssetFolder, name: str, asset: Asset | None) -> Step:
    path = folder.path / name
    right = asset is not None and _is_right(asset, path.stat().st_size, folder.sums[name])
    done = "kept" if right else "uploaded" if asset is None else "replaced"
    return Step(name, path.stat().st_size, folder.sums[name], done)


def _is_right(asset: Asset, size: int, sha256: str) -> bool:
    """Whether GitHub has the content; a server that computes no digests has to be sent it again."""
    return asset.whole and asset.size == size and asset.sha256 == sha256


def _upload(github: GitHub, draft: Release, folder: Path, step: Step, there: Asset | None, *, bar: Progress) -> None:
    """Uploads a file until it is there whole: after each failure what is there decides, not what the answer was."""
    for attempt in range(ATTEMPTS):
        if there is not None:
            github.releases.delete_asset(there)
        try:
            github.releases.upload(draft, folder / step.asset, name=step.asset, advance=bar.advance)
            return
        except (GitHubUnavailable, GitHubRefused) as error:
            taken = isinstance(error, GitHubRefused) and "already_exists" in error.what
            if attempt == ATTEMPTS - 1 or (isinstance(error, GitHubRefused) and not taken):
                raise
            github.releases.pause(attempt)
        there = next((asset for asset in github.releases.assets(draft) if asset.name == step.asset), None)
        if there is not None and _is_right(there, step.size, step.sha256):
            bar.advance(step.size)
            return


def _read_back(github: GitHub, draft: Release, folder: AssetFolder) -> None:
    """Downloads every asset and compares it: what is published is what was read back."""
    assets = {asset.name: asset for asset in github.releases.assets(draft)}
    _check_names(draft.tag, assets.keys(), folder)
    with (
        tempfile.TemporaryDirectory(prefix="riva-release-") as folder_name,
        progress(f"Reading {draft.tag} back", sum(asset.size for asset in assets.values())) as bar,
    ):
        for name, asset in assets.items():
            path = Path(folder_name, name)
            github.releases.download(asset, path, advance=bar.advance)
            digest = file_digest(path)
            path.unlink()
            if digest != folder.sums[name]:
                github.releases.delete_asset(asset)
                raise ReleaseDamaged(
                    f"{name} came back as {digest}, sent was {folder.sums[name]}",
                    why="it was damaged on the way, or in GitHub's storage",
                    fix="run again: it was removed from the draft and is sent anew; nothing is published yet",
                )


def _check_names(tag: str, names: Set[str], folder: AssetFolder) -> None:
    if differing := ", ".join(sorted(names ^ folder.sums.keys())):
        raise ReleaseDamaged(
            f"the release of {tag} differs from the folder: {differing}",
            why="another run works on the same tag",
            fix="let one of them end, then run again",
        )
