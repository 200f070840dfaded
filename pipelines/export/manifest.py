"""The manifest of a `.riva`: what nemo2riva writes, and what we know besides, under the one key `riva_ci`."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from pipelines import __version__
from pipelines.archive.archive import Member
from pipelines.archive.nemo import CONFIG, NemoCheckpoint
from pipelines.errors import BrokenCheckpoint
from pipelines.export.job import Comparison, NemoExport
from pipelines.registry import pipeline_of

__all__ = ["ONNX_FORMAT", "artifacts", "export_facts", "metadata"]

ONNX_FORMAT = {"onnx": True, "onnx_archive_format": 1, "runtime": "ONNX"}
_NOT_COPIED = (".ckpt", ".pt", ".ts", "~")
_OLD_MANIFEST = "manifest.yaml"  # a .nemo made by NVIDIA's EFF tools has one


def metadata(checkpoint: NemoCheckpoint) -> dict[str, Any]:
    """Returns the archive's metadata with the fields and values of nemo2riva 2.16 (cookbook.py)."""
    inherited = _old_manifest(checkpoint).get("metadata")
    return {
        **(inherited if isinstance(inherited, dict) else {"has_nemo_config": True}),
        "description": "Exported Nemo Model",
        "format_version": 3,
        "has_pytorch_checkpoint": False,
        "obj_cls": checkpoint.obj_cls,
        "min_nemo_version": "1.3",
        **ONNX_FORMAT,
    }


def artifacts(checkpoint: NemoCheckpoint, *, graph_name: str, graph: Path, encrypt: bool) -> list[Member]:
    """Returns the members of the archive: the graph, then everything of the checkpoint but its weights.

    Raises:
        BrokenCheckpoint: Two members of the checkpoint have the same base name, which names the artifact.
    """
    described = {"description": "Exported model", **ONNX_FORMAT}
    members = [Member(graph_name, graph, encrypt=encrypt, attributes=described)]
    members += _copied(checkpoint)
    names = [member.name for member in members]
    for name in names:
        if names.count(name) > 1:
            raise BrokenCheckpoint(
                f"{checkpoint.path} has several members called {name}", "they would overwrite another"
            )
    return members


def _copied(checkpoint: NemoCheckpoint) -> Iterator[Member]:
    known = _old_manifest(checkpoint).get("files")
    patched = pipeline_of(checkpoint.obj_cls).checkpoint.patch_config(checkpoint.config)
    for path in checkpoint.names():
        name = PurePosixPath(path).name
        if name.endswith(_NOT_COPIED) or path == _OLD_MANIFEST:
            continue
        inherited = known.get(name) if isinstance(known, dict) else None
        attributes = {
            **(inherited if isinstance(inherited, dict) else {}),
            "conf_path": path,
            "path_type": "TAR_PATH",
        }
        if path == CONFIG and patched is not None:
            text = yaml.safe_dump(patched, sort_keys=False, allow_unicode=True).encode()
            yield Member(name, text, attributes=attributes)
        else:
            yield Member(name, _Opener(checkpoint, path), attributes=attributes)


class _Opener:
    """Opens a member of the checkpoint afresh, as often as the archive writer asks."""

    def __init__(self, checkpoint: NemoCheckpoint, path: str) -> None:
        self._checkpoint, self._path = checkpoint, path

    def __call__(self) -> Any:
        return self._checkpoint.open_member(self._path)


def _old_manifest(checkpoint: NemoCheckpoint) -> Mapping[str, Any]:
    if _OLD_MANIFEST not in checkpoint.names():
        return {}
    try:
        manifest = yaml.safe_load(checkpoint.read(_OLD_MANIFEST))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BrokenCheckpoint(f"{checkpoint.path}: {_OLD_MANIFEST} is not plain YAML: {error}") from error
    return manifest if isinstance(manifest, dict) else {}


def export_facts(
    checkpoint: NemoCheckpoint, export: NemoExport, comparison: Comparison, *, tolerance: float
) -> dict[str, Any]:
    """Returns what is known of the graph; units are in the names.

    `masks` says whether the graph is told the lengths, and gives in a padded batch of unequal ones what each item gives
    alone. Convolutional encoders lose their masks in NeMo's export; whoever serves such a graph batches equal lengths.
    """
    told = len(comparison.inputs) > 1
    padded = comparison.padded_error
    return {
        "riva_ci_version": __version__,
        "versions": {**export.versions, **comparison.versions},
        "nemo_version": checkpoint.nemo_version,
        "parameters": export.parameters,
        "device": export.device,
        "autocast": export.autocast,
        "max_batch": export.max_batch,
        "max_dim": export.max_dim,
        "notes": export.notes,
        "ir_version": comparison.ir_version,
        "opset": comparison.opset,
        "inputs": comparison.inputs,
        "outputs": comparison.outputs,
        "subsampling": export.subsampling,
        **export.facts,
        "masks": told and padded is not None and padded <= tolerance,
        "tolerance": tolerance,
        "max_error": max(comparison.single_error, comparison.equal_error),
        "padded_error": padded,
    }
