"""A folder of release assets: made by `assemble`, or fetched; whole and consistent, or refused."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.checksums import SUMS, check_sums, read_sums
from ci.errors import ReleaseDamaged
from ci.release.engines import check_no_engine
from ci.release.manifest import Manifest, ReleasedFile, manifest_name, model_of_manifest
from pipelines.digests import file_digest

__all__ = ["BUNDLE", "AssetFolder"]

BUNDLE = "provenance.sigstore.json"
"""The attestation, as the attest action writes it; made from SHA256SUMS, and so not listed there."""

_PIECE = 1 << 20


@dataclass(frozen=True)
class AssetFolder:
    """A folder of assets whose digests are right.

    Attributes:
        path: The folder.
        sums: The digest of every asset, SHA256SUMS itself included.
        manifests: One for each model.
    """

    path: Path
    sums: Mapping[str, str]
    manifests: tuple[Manifest, ...]

    @classmethod
    def read(cls, path: Path) -> "AssetFolder":
        """Reads and checks a folder.

        Raises:
            ReleaseDamaged: An asset is missing, too many, or not what SHA256SUMS and the manifests say.
            EngineFound: An asset is an engine, or holds one.
        """
        listed = read_sums(path / SUMS)
        for name in listed:
            if "/" in name:
                raise ReleaseDamaged(f"{path / SUMS}: {name} is not the name of an asset")
        manifests = tuple(Manifest.read(path / name) for name in sorted(listed) if model_of_manifest(name))
        if not manifests:
            raise ReleaseDamaged(f"{path} holds no release manifest", fix="make the folder with `release -- assemble`")
        files = [file for manifest in manifests for files in manifest.files.values() for file in files]
        check_sums(path, absent=[file.asset for file in files if file.is_split], unlisted=[BUNDLE])
        for file in files:
            _check_file(path, file, listed)
        own = [SUMS, *([BUNDLE] if (path / BUNDLE).is_file() else [])]
        present = {name: sha256 for name, sha256 in listed.items() if (path / name).is_file()}
        return cls(path, {**present, **{name: file_digest(path / name) for name in own}}, manifests)

    def manifest(self, model: str, version: str) -> Manifest | None:
        """The manifest of a version of a model, if it is among the assets."""
        name = manifest_name(model, version)
        return next((each for each in self.manifests if each.name == name), None)


def _check_file(folder: Path, file: ReleasedFile, listed: Mapping[str, str]) -> None:
    """Compares the manifest with SHA256SUMS, and the parts with the whole that they are joined to."""
    for part in file.parts:
        if listed.get(part.asset) != part.sha256:
            raise ReleaseDamaged(
                f"{part.asset}: the manifest says {part.sha256}, {SUMS} says {listed.get(part.asset, 'nothing')}",
                why="assets of two releases were mixed",
                fix="fetch or assemble the folder again",
            )
    if file.is_split:
        digest = hashlib.sha256()
        for piece in _pieces(folder, file):
            digest.update(piece)
        if digest.hexdigest() != file.sha256:
            raise ReleaseDamaged(f"{file.asset}: its parts join to {digest.hexdigest()}, expected {file.sha256}")
    else:
        check_no_engine(folder / file.asset)


def _pieces(folder: Path, file: ReleasedFile) -> Iterator[bytes]:
    for part in file.parts:
        with (folder / part.asset).open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
