"""The rehearsal of going back: what nobody tries until the night it is needed does not work then."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ci.errors import ReleaseDamaged
from ci.release.install import ModelDirectory
from ci.release.offers import Offer
from ci.release.source import Source
from pipelines.digests import file_digest

__all__ = ["Rehearsal", "rehearse"]


@dataclass(frozen=True)
class Rehearsal:
    """What was tried with a model.

    Attributes:
        model: The model.
        newest: Its newest version that is offered.
        previous: The version that was gone back to; empty if there is none yet.
        files: How many files were compared.
    """

    model: str
    newest: str
    previous: str
    files: int

    @property
    def outcome(self) -> str:
        """For people."""
        if not self.previous:
            return "installed; there is no earlier version to go back to yet"
        return f"installed {self.previous}, then {self.newest}, and went back: {self.files} files are the earlier ones"


def rehearse(source: Source, *, target: str | None) -> list[Rehearsal]:
    """Installs the version before the newest, then the newest, goes back, and compares; each model in its own folder.

    Raises:
        ReleaseDamaged: After going back a file is not that of the earlier version.
    """
    offered: dict[str, list[Offer]] = {}
    for offer in source.offers():
        versions = offered.setdefault(offer.model, [])
        if not offer.withdrawn and offer.version not in [each.version for each in versions]:
            versions.append(offer)
    return [_rehearse(versions, target=target) for _, versions in sorted(offered.items()) if versions]


def _rehearse(versions: list[Offer], *, target: str | None) -> Rehearsal:
    newest, *earlier = versions
    with tempfile.TemporaryDirectory(prefix="riva-rehearsal-") as name:
        directory = ModelDirectory(Path(name))
        if not earlier:
            directory.install(newest, newest.manifest(), target=target)
            return Rehearsal(newest.model, newest.version, "", 0)
        before = directory.install(earlier[0], earlier[0].manifest(), target=target)
        directory.install(newest, newest.manifest(), target=target)
        directory.roll_back(newest.model)
        found = {path.name: file_digest(path) for path in directory.rmir.glob("*.rmir")}
        if found != before.files:
            raise ReleaseDamaged(
                f"after going back from {newest.model} {newest.version} to {before.version} the files are "
                f"{found}, expected {dict(before.files)}"
            )
        return Rehearsal(newest.model, newest.version, before.version, len(found))
