"""Exports whose graph is not what it should be."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx

from pipelines.archive.schema import Schema
from pipelines.compatibility import riva_version
from pipelines.errors import RivaError
from pipelines.export.acceptance import check_content, check_schema, check_versions
from pipelines.export.comparison import compare
from pipelines.export.job import Comparison
from pipelines.verdict.findings import Finding
from tests.exports import COMPARISON, EXPORT
from tests.tiny_graphs import FRAMES, write_graph, write_reference
from tests.unit.pipelines.verdict.firing import Firing

SCHEMA = """
metadata: [{obj_cls: nemo.collections.asr.models.EncDecCTCModel}]
artifact_properties: [model_config.yaml]
"""


def _compared(**changes: Any) -> Comparison:
    return dataclasses.replace(COMPARISON, **changes)


def _raised(check: Callable[[Path], object]) -> Firing:
    """What the error that ends an export was made of."""

    def fire(folder: Path) -> Sequence[Finding]:
        try:
            check(folder)
        except RivaError as error:
            return [error.finding] if error.finding else []
        return []

    return fire


def _against_schema(folder: Path) -> None:
    path = folder / "schema.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    check_schema(Schema.load(path), {"obj_cls": "nemo.collections.asr.models.EncDecCTCModel"}, {}, {})


def _compared_with_reference(folder: Path, *, lost: bool) -> None:
    """Runs ONNX Runtime on a graph that takes one length only, or that lost its weights."""
    graph = write_graph(folder / "graph.onnx", fixed_frames=0 if lost else FRAMES[0])
    if lost:
        onnx.save(onnx.load(graph), str(graph), save_as_external_data=True, location="weights", size_threshold=0)
        (folder / "weights").unlink()
    compare(graph, write_reference(folder / "reference.npz"), whole=True)


FIRING: dict[str, Firing] = {
    "graph-agrees": _raised(lambda folder: check_content(EXPORT, _compared(single_error=0.5))),
    "graph-lengths": _raised(lambda folder: check_content(EXPORT, _compared(lengths=[[90, 45]]))),
    "graph-loadable": _raised(lambda folder: check_versions(_compared(ir_version=9), riva_version("2.16"))),
    "graph-runs": _raised(lambda folder: _compared_with_reference(folder, lost=False)),
    "graph-schema": _raised(_against_schema),
    "graph-whole": _raised(lambda folder: _compared_with_reference(folder, lost=True)),
}
