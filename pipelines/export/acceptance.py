"""What an exported graph must fulfil before anything is written: its content, its age, its schema."""

from collections.abc import Mapping
from typing import Any

from pipelines.archive.schema import Schema
from pipelines.compatibility import RivaVersion
from pipelines.export.job import Comparison, NemoExport
from pipelines.verdict.compatibility import check_graph
from pipelines.verdict.rules.graph import GRAPH_AGREES, GRAPH_LENGTHS, GRAPH_SCHEMA

__all__ = ["check_content", "check_schema", "check_versions", "tolerance_of"]

TOLERANCE = 1e-3
"""Largest difference of a log probability in single precision. Measured: 2e-5 for 13 M parameters and 16 layers."""

HALF_TOLERANCE = 1e-1
"""The same in half precision, whose eleven bits are worth about 0.01 at the size of unlikely log probabilities."""


def tolerance_of(export: NemoExport) -> float:
    """Returns the largest difference that an export may have."""
    return HALF_TOLERANCE if export.autocast else TOLERANCE


def check_content(export: NemoExport, comparison: Comparison) -> None:
    """Refuses a graph that does not compute what the checkpoint computes.

    A padded batch of unequal lengths is not judged: convolutional graphs cannot pass (see README.md), and whoever
    serves them never pads. Its error is recorded.

    Raises:
        GraphDiffers: Says in which comparison, and by how much.
    """
    tolerance = tolerance_of(export)
    for how, error in (
        ("one item at a time", comparison.single_error),
        ("items of equal length in a batch", comparison.equal_error),
    ):
        if not error <= tolerance:
            what = f"the graph differs from the checkpoint by {error:.3g}, {how}; the tolerance is {tolerance:g}"
            raise GRAPH_AGREES.finding(what).as_error()
    for given, steps in comparison.lengths:
        if abs(given - steps * export.subsampling) > 2 * export.subsampling:
            what = f"the graph gives {steps} outputs for {given} steps, expected one for each {export.subsampling}"
            raise GRAPH_LENGTHS.finding(
                what, why="the encoder's own subsampling factor does not say what it does"
            ).as_error()


def check_versions(comparison: Comparison, riva: RivaVersion) -> list[str]:
    """Compares the graph with what a Riva version loads; returns a note for each ceiling that is unknown.

    Raises:
        GraphTooNew: The graph is above a ceiling.
    """
    for finding in check_graph(riva, opset=comparison.opset, ir_version=comparison.ir_version):
        raise finding.as_error()
    ceilings = {"ONNX IR version": riva.onnx_ir, "opset": riva.onnx_opset}
    return [
        f"the highest {what} of Riva {riva.version} is unknown; the graph's was not compared"
        for what, ceiling in ceilings.items()
        if ceiling.value is None
    ]


def check_schema(
    schema: Schema,
    metadata: Mapping[str, Any],
    artifacts: Mapping[str, Mapping[str, Any]],
    config: Mapping[str, Any],
) -> None:
    """Does what `--validate` asks for.

    Raises:
        SchemaViolated: Names everything that is missing or different.
    """
    violations = list(schema.violations(metadata, artifacts, config))
    if violations:
        what = f"the export does not fulfil {schema.path.name}: {'; '.join(violations)}"
        raise GRAPH_SCHEMA.finding(what).as_error()
