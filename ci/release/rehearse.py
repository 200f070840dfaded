"""The rehearsal of going back: what nobody tries until the night it is needed does not work then."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ci.errors import NoSuchRelease, ReleaseDamaged, StageFailed
from ci.release.install import Installed, ModelDirectory
from ci.release.manifest import Manifest
from ci.release.offers import Offer
from ci.release.source import Source
from ci.runtime import Command, local
from ci.targets import CPU
from pipelines.digests import file_digest

__all__ = ["Rehearsal", "rehearse"]


@dataclass(frozen=True)
class Rehearsal:
    """What was tried with a model.

    Attributes:
        model: The model.
        newest: Its newest version that is offered.
        previous: The version that was gone back to; empty if there is none yet.
        target: What the files were built for.
        deployed: Whether riva-deploy took what was gone back to.
    """

    model: str
    newest: str
    previous: str
    target: str
    deployed: bool

    @property
    def outcome(self) -> str:
        """For people."""
        deployed = "; riva-deploy takes it" if self.deployed else ""
        if not self.previous:
            return f"installed {self.newest}{deployed}; there is no earlier version to go back to yet"
        return f"installed {self.previous}, then {self.newest}, went back to the same bytes{deployed}"


def rehearse(source: Source, *, deploy: bool) -> list[Rehearsal]:
    """Installs the version before the newest, then the newest, goes back, and compares; each model in its own folder.

    Args:
        source: Where the releases are.
        deploy: Whether what was gone back to is also deployed, with the tools of today, where it is for a CPU.

    Raises:
        NoSuchRelease: The two versions have no target in common.
        ReleaseDamaged: After going back a file is not that of the earlier version.
        StageFailed: It cannot be deployed.
    """
    offered: dict[str, list[Offer]] = {}
    for offer in source.offers():
        versions = offered.setdefault(offer.model, [])
        if not offer.withdrawn and offer.version not in [each.version for each in versions]:
            versions.append(offer)
    return [_rehearse(versions, deploy=deploy) for _, versions in sorted(offered.items()) if versions]


def _rehearse(versions: list[Offer], *, deploy: bool) -> Rehearsal:
    tried = [(offer, offer.manifest()) for offer in versions[:2]]
    (_, newest), model = tried[0], versions[0].model
    target = _common_target([manifest for _, manifest in tried])
    with tempfile.TemporaryDirectory(prefix="riva-rehearsal-") as name:
        directory = ModelDirectory(Path(name))
        before, *_ = [directory.install(offer, manifest, target=target) for offer, manifest in reversed(tried)]
        if len(tried) > 1:
            directory.roll_back(model)
        _compare(directory, before)
        deployable = deploy and target == CPU
        if deployable:
            _deploy(directory)
    return Rehearsal(model, newest.version, before.version if len(tried) > 1 else "", target, deployable)


def _common_target(manifests: list[Manifest]) -> str:
    for target in manifests[0].files:
        if all(target in manifest.files for manifest in manifests):
            return target
    versions = " and ".join(manifest.version for manifest in manifests)
    raise NoSuchRelease(f"{manifests[0].model}: versions {versions} have no target in common")


def _compare(directory: ModelDirectory, expected: Installed) -> None:
    found = {path.name: file_digest(path) for path in directory.rmir.glob("*.rmir")}
    if found != expected.files:
        raise ReleaseDamaged(f"after going back to {expected.version} there are {found}, not {dict(expected.files)}")


def _deploy(directory: ModelDirectory) -> None:
    log = directory.path / "riva-deploy.log"
    models = sorted(directory.rmir.glob("*.rmir"))
    command = Command("riva-deploy", (*models, directory.path / "models"), log, own=(f"--target={CPU}",))
    local.prepare(command)
    with local.start(command) as running:
        for _ in running.lines():
            pass
        code = running.wait()
    if code != 0:
        said = log.read_text(encoding="utf-8", errors="replace")[-1000:]
        raise StageFailed(f"riva-deploy ended with {code} on what was gone back to", why=f"it said last:\n{said}")
