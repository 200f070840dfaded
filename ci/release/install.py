"""A model directory: RMIRs of releases, ready for `riva-deploy` or `deploy_all_models`, and the way back.

    DIR/rmir/                        what is served: the RMIRs of the current version of every installed model
    DIR/rmir/.installed.json         which those are, and which came before
    DIR/releases/<model>/<version>-<target>/    what was downloaded: RMIRs, manifest, model card

`rmir/` is replaced in one step, so that whoever deploys sees one state or the other. RMIRs that somebody else put there
stay.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ci.errors import NoSuchRelease, ReleaseDamaged
from ci.release.manifest import Manifest, ReleasedFile
from ci.release.offers import Offer
from ci.release.splitting import join
from pipelines.digests import file_digest
from pipelines.errors import OutputExists
from pipelines.outputs import atomic_directory

__all__ = ["Installed", "ModelDirectory"]

_STATE = ".installed.json"
KEPT = 3
"""Earlier versions of a model that stay on the disk."""


@dataclass(frozen=True)
class Installed:
    """A version of a model in a directory.

    Attributes:
        version: Of the model.
        target: That it was built for.
        files: Digests of its RMIRs, by name.
    """

    version: str
    target: str
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where it is kept, below the model's folder."""
        return f"{self.version}-{self.target}"


@dataclass(frozen=True)
class ModelDirectory:
    """A directory that releases are installed into.

    Attributes:
        path: The directory; it need not exist yet.
    """

    path: Path

    @property
    def rmir(self) -> Path:
        """The folder to deploy."""
        return self.path / "rmir"

    def history(self, model: str) -> list[Installed]:
        """The versions of a model that were current, oldest first; the last one is."""
        return self._state().get(model, [])

    def install(self, offer: Offer, manifest: Manifest, *, target: str | None) -> Installed:
        """Downloads a version unless it is here, checks it, and makes it current.

        Args:
            offer: Where it is.
            manifest: Its manifest, fetched from there.
            target: What it was built for; None where there is one only.

        Raises:
            NoSuchRelease: The version is not for that target.
            ReleaseDamaged: What was downloaded is not what the release says.
            OutputExists: A file that is not of a release has a name that it needs.
        """
        chosen, files = manifest.files_for(target)
        installed = Installed(manifest.version, chosen, {file.file: file.sha256 for file in files})
        place = self.path / "releases" / manifest.model / installed.folder
        if _differences(place, installed):
            self._fetch(offer, manifest, files, place)
        before = [each for each in self.history(manifest.model) if each != installed]
        self._activate(manifest.model, [*before, installed])
        return installed

    def roll_back(self, model: str, *, version: str | None = None) -> tuple[Installed, Installed]:
        """Makes an earlier version current, the one before by default; returns what was and what is.

        Raises:
            NoSuchRelease: There is no earlier version here.
            ReleaseDamaged: Its files were changed since they were installed.
        """
        history = self.history(model)
        earlier = [number for number, each in enumerate(history[:-1]) if version in (None, each.version)]
        if not earlier:
            known = ", ".join(each.version for each in history[:-1])
            raise NoSuchRelease(
                f"{self.path} holds no earlier version{f' {version}' if version else ''} of {model}",
                fix=f"earlier versions here: {known}" if known else "install one with --version",
            )
        remaining = history[: earlier[-1] + 1]
        if problems := _differences(self.path / "releases" / model / remaining[-1].folder, remaining[-1]):
            raise ReleaseDamaged(
                f"{model} {remaining[-1].version} is damaged here: {'; '.join(problems)}",
                why="its files were changed or removed since they were installed",
                fix=f"install it again with --version {remaining[-1].version}",
            )
        self._activate(model, remaining)
        return history[-1], remaining[-1]

    def _fetch(self, offer: Offer, manifest: Manifest, files: Sequence[ReleasedFile], place: Path) -> None:
        assets = [part.asset for file in files for part in file.parts]
        card = f"{manifest.model}-{manifest.version}.md"
        with (
            atomic_directory(place, force=True) as partial,
            offer.fetched([manifest.name, card, *assets]) as folder,
        ):
            for name in (manifest.name, card):
                shutil.copyfile(folder / name, partial / name)
            for file in files:
                join([folder / part.asset for part in file.parts], partial / file.file)
                if (digest := file_digest(partial / file.file)) != file.sha256:
                    raise ReleaseDamaged(
                        f"{file.asset} of {offer.where} has sha256 {digest}, its manifest says {file.sha256}",
                        why="the asset was changed after the release, or damaged on the way",
                        fix="try again; if it stays so, tell whoever publishes the release",
                    )

    def _activate(self, model: str, history: Sequence[Installed]) -> None:
        """Makes `rmir/` hold the last version of a history, and of the other models what it holds."""
        with atomic_directory(self.rmir, force=True) as partial:
            state = self._state()
            managed = {name for versions in state.values() for name in versions[-1].files}
            state[model] = list(history)
            for each, versions in state.items():
                for name in versions[-1].files:
                    _place(self.path / "releases" / each / versions[-1].folder / name, partial / name)
            for path in self.rmir.iterdir() if self.rmir.is_dir() else ():
                if path.name in managed or path.name == _STATE:
                    continue
                if (partial / path.name).exists():
                    raise OutputExists(
                        f"{path} is not of a release, and {model} needs the name", fix="move that file away"
                    )
                _place(path, partial / path.name)
            lines = {each: [asdict(version) for version in versions] for each, versions in state.items()}
            (partial / _STATE).write_text(json.dumps(lines, indent=2) + "\n", encoding="utf-8")
        self._forget(model, history)

    def _forget(self, model: str, history: Sequence[Installed]) -> None:
        """Removes downloads beyond the current one, `KEPT` before it, and the newest that was rolled back from."""
        named = {each.folder for each in history[-1 - KEPT :]}
        others = [
            path for path in (self.path / "releases" / model).iterdir() if path.is_dir() and path.name not in named
        ]
        for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-1]:
            shutil.rmtree(path)

    def _state(self) -> dict[str, list[Installed]]:
        try:
            data = json.loads((self.rmir / _STATE).read_text(encoding="utf-8"))
            return {model: [Installed(**each) for each in versions] for model, versions in data.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise ReleaseDamaged(
                f"{self.rmir / _STATE} cannot be understood: {error}",
                why="it was changed by hand",
                fix="move it away and install the models again; downloads that are right are not repeated",
            ) from error


def _differences(place: Path, installed: Installed) -> list[str]:
    """What of an installed version is not as it was installed."""
    return [
        f"{name} is {'changed' if (place / name).is_file() else 'missing'}"
        for name, sha256 in installed.files.items()
        if not (place / name).is_file() or file_digest(place / name) != sha256
    ]


def _place(source: Path, target: Path) -> None:
    """A second name for a file where the file system has that, otherwise a copy."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
