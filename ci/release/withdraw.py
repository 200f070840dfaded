"""Going back for everybody: at GitHub a version is withdrawn, so that nobody installs it who does not name it."""

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.version import Version

from ci.errors import GitHubRefused, NoSuchRelease
from ci.github_api import GitHub, Release
from ci.release.offers import GitHubOffer, offers, withdrawal, withdrawn_in

__all__ = ["Withdrawal", "roll_back_releases"]


@dataclass(frozen=True)
class Withdrawal:
    """What going back changed.

    Attributes:
        model: The model.
        offered: The version that is now the newest offered.
        withdrawn: Versions that are not offered any more.
        latest: Tag of the release that GitHub shows as the latest; None where it was left alone.
    """

    model: str
    offered: str
    withdrawn: tuple[str, ...]
    latest: str | None


def roll_back_releases(github: GitHub, model: str, *, version: str | None, dry_run: bool) -> Withdrawal:
    """Makes an earlier version of a model the newest that is offered.

    Args:
        github: Where.
        model: Which.
        version: To which version; by default the one before the newest offered.
        dry_run: Whether to change nothing.

    Raises:
        NoSuchRelease: There is no earlier version.
    """
    found = offers(github, model)
    target = _target(found, model, version)
    newer = [offer for offer in found if Version(offer.version) > Version(target)]
    going = tuple(sorted({offer.version for offer in newer if not offer.withdrawn}, key=Version))
    if dry_run:
        return Withdrawal(model, target, going, None)
    for offer in newer:
        _note(github, offer, withdrawn=True, instead=target)
    holding = [offer for offer in found if offer.version == target]
    for offer in holding:
        _note(github, offer, withdrawn=False, instead=target)
    return Withdrawal(model, target, going, _mark_latest(github, holding[0].release, newer))


def _target(found: Sequence[GitHubOffer], model: str, version: str | None) -> str:
    offered = list(dict.fromkeys(offer.version for offer in found if not offer.withdrawn))  # newest first
    if version is None and len(offered) > 1:
        return offered[1]
    if version is not None and any(offer.version == version for offer in found):
        return version
    versions = ", ".join(dict.fromkeys(offer.version for offer in found))
    raise NoSuchRelease(
        f"there is no {f'version {version}' if version else 'earlier version'} of {model} to go back to",
        fix=f"published versions: {versions or 'none'}",
    )


def _note(github: GitHub, offer: GitHubOffer, *, withdrawn: bool, instead: str) -> None:
    """Writes or removes the line of a release's notes, read afresh: another model's line may have come."""
    release = github.releases.get(offer.release.id)
    is_noted = (offer.model, offer.version) in withdrawn_in(release.notes)
    if is_noted == withdrawn:
        return
    line = withdrawal(offer.model, offer.version, instead=instead)
    if withdrawn:
        notes = f"{line}\n\n{release.notes}"
    else:
        start = line.partition(".**")[0] + ".**"
        kept = [each for each in release.notes.splitlines() if not each.startswith(start)]
        notes = "\n".join(kept).lstrip("\n") + "\n"
    github.releases.edit(release, body=notes)


def _mark_latest(github: GitHub, release: Release, newer: Sequence[GitHubOffer]) -> str | None:
    """Moves GitHub's mark of the latest release, if it is on one that was withdrawn."""
    latest = github.releases.latest()
    if latest is None or latest.id not in {offer.release.id for offer in newer}:
        return None
    try:
        return github.releases.edit(release, make_latest="true").tag
    except GitHubRefused:  # an immutable release may not take it; the notes say what to install all the same
        return None
