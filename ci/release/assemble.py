"""Makes the assets of a release out of what the targets handed over: nothing that did not pass, nothing else.

What is made of the same outcomes is the same, byte by byte, so that an interrupted release can be continued by running
the workflow again.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ci import github, sbom
from ci.checksums import write_sums
from ci.environments import LOCKS
from ci.pipeline.checkpoint import Checkpoint
from ci.release.card import model_card
from ci.release.manifest import Manifest
from ci.release.outcome import Outcome, Rmir, read_outcome
from ci.release.splitting import ASSET_LIMIT, part_names, split
from ci.release.tag import Tag
from pipelines.outputs import atomic_directory

__all__ = ["assemble"]

_TOOLS_LICENSE = "Apache-2.0"  # of this repository, see LICENSE


def assemble(
    tag: Tag,
    models: Sequence[Checkpoint],
    *,
    expected: Mapping[str, Sequence[str]],
    folder: Path,
    into: Path,
    limit: int = ASSET_LIMIT,
) -> list[Manifest]:
    """Writes the folder of assets; returns the manifests.

    Args:
        tag: What is released.
        models: Its models.
        expected: The targets that must be there, by model.
        folder: What the targets handed over, see `outcome`.
        into: Where the assets go; replaced whole.
        limit: Assets are smaller than this, in bytes.

    Raises:
        NotProven: Something is missing, or is not what passed conformance.
        EngineFound: A file holds an engine.
    """
    manifests = []
    with atomic_directory(into, force=True) as partial:
        joined: dict[str, str] = {}
        for model in models:
            outcomes = [read_outcome(model, target, folder=folder) for target in expected[model.name]]
            manifest = _model(tag, model, outcomes, into=partial, limit=limit)
            manifests.append(manifest)
            split_files = (each for files in manifest.files.values() for each in files if each.is_split)
            joined.update({each.asset: each.sha256 for each in split_files})
        write_sums(partial, joined.items())
    return manifests


def _model(tag: Tag, model: Checkpoint, outcomes: Sequence[Outcome], *, into: Path, limit: int) -> Manifest:
    targets = {each.target: _target(model, each, into=into, limit=limit) for each in outcomes}
    first = next((rmir.manifest for each in outcomes for rmir in each.rmirs if rmir.manifest), {})
    made = first.get("source", {}).get("riva_ci", {})
    data: dict[str, Any] = {
        "format": "riva-ci-release",
        "format_version": 1,
        "model": model.name,
        "version": model.version,
        "tag": tag.text,
        "commit": github.sha(),
        "run": github.run_url(),
        "pipeline": model.pipeline,
        "language": model.language,
        "inputs": _inputs(first, made),
        "class": first.get("source", {}).get("metadata", {}).get("obj_cls"),
        "parameters": made.get("parameters"),
        "served_with": [{"model": each.name, "version": Checkpoint.read(each).version} for each in model.companions],
        "targets": targets,
        "not_built": [target for target in model.targets if target not in targets],
        "licenses": {"model": model.document.data.get("license"), "tools": _TOOLS_LICENSE},
    }
    manifest = Manifest(data)
    stem = f"{model.name}-{model.version}"
    (into / manifest.name).write_text(manifest.as_json(), encoding="utf-8")
    Manifest.read(into / manifest.name)  # what does not follow the schema must not leave
    (into / f"{stem}.md").write_text(model_card(manifest), encoding="utf-8")
    (into / f"{stem}.sbom.cdx.json").write_text(_bill(manifest, outcomes), encoding="utf-8")
    return manifest


def _target(model: Checkpoint, outcome: Outcome, *, into: Path, limit: int) -> dict[str, Any]:
    report = outcome.report
    return {
        "files": [_file(model, rmir, outcome.target, into=into, limit=limit) for rmir in outcome.rmirs],
        "tools": _tools(outcome.rmirs[0].manifest),
        "conformance": {
            "outcome": report["outcome"],
            "counts": dict(report["counts"]),
            "judged_at": report["started"],
            "seconds": report["seconds"],
            "report_sha256": outcome.report_sha256,
        },
        "accuracy": {name: str(value) for name, value in report["measured"].items()},
    }


def _file(model: Checkpoint, rmir: Rmir, target: str, *, into: Path, limit: int) -> dict[str, Any]:
    asset = f"{rmir.path.stem}-{model.version}-{target}{rmir.path.suffix}"
    names = part_names(asset, rmir.size, limit=limit)
    if len(names) == 1:
        _place(rmir.path, into / asset)
        digests = [rmir.sha256]
    else:
        digests = split(rmir.path, [into / name for name in names], limit=limit)
    return {
        "file": rmir.path.name,
        "asset": asset,
        "size": rmir.size,
        "sha256": rmir.sha256,
        "options": {name: rmir.manifest["options"][name] for name in rmir.manifest.get("options_set", ())},
        "parts": [
            {"asset": name, "size": (into / name).stat().st_size, "sha256": sha256}
            for name, sha256 in zip(names, digests, strict=True)
        ],
    }


def _place(source: Path, target: Path) -> None:
    """A second name for the same bytes where the file system has that, otherwise a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _inputs(rmir: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {each["name"]: {"sha256": each["sha256"]} for each in rmir.get("inputs", ())}
    if checkpoint := made.get("input"):
        inputs[checkpoint["name"]] = {"sha256": checkpoint["sha256"], "size": checkpoint["size"]}
    return inputs


def _tools(rmir: Mapping[str, Any]) -> dict[str, str]:
    made = rmir.get("source", {}).get("riva_ci", {})
    tools = {"riva_ci": rmir.get("riva_ci", {}).get("version"), "riva": made.get("options", {}).get("riva-version")}
    return {name: str(value) for name, value in {**tools, **made.get("versions", {})}.items() if value}


def _bill(manifest: Manifest, outcomes: Sequence[Outcome]) -> str:
    """The bill of materials: the model, its files, what serves it (required) and what made it (excluded)."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from cyclonedx.model.license import LicenseExpression

    files = [
        Component(
            name=part.asset,
            type=ComponentType.FILE,
            bom_ref=part.asset,
            scope=ComponentScope.REQUIRED,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)],
        )
        for part in manifest.assets
    ]
    license_name = manifest.data["licenses"]["model"]
    model = Component(
        name=manifest.model,
        version=manifest.version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"{manifest.model}@{manifest.version}",
        licenses=[LicenseExpression(license_name)] if license_name else [],
    )
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    serving = sbom.packages([LOCKS / f"runtime-{python}.txt"], scope=ComponentScope.REQUIRED)
    served = {each.bom_ref.value for each in serving}
    making = sbom.packages([LOCKS / f"export-{python}.txt", LOCKS / "torch-cpu.txt"], scope=ComponentScope.EXCLUDED)
    components = [*files, *serving, *(each for each in making if each.bom_ref.value not in served)]
    return sbom.document(
        model, components, made=max(datetime.fromisoformat(each.report["started"]) for each in outcomes)
    )
