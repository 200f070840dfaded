"""What an exported graph must fulfil before anything is written: its content, its age, its schema."""

from collections.abc import Mapping
from typing import Any, NoReturn

from pipelines.archive.schema import Schema
from pipelines.compatibility import Cell, RivaVersion
from pipelines.export.job import Comparison, NemoExport
from pipelines.verdict.rules.graph import GRAPH_AGREES, GRAPH_LENGTHS, GRAPH_LOADABLE, GRAPH_SCHEMA

__all__ = ["check_content", "check_schema", "check_versions", "refuse_new", "tolerance_of"]

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
    notes = []
    for what, found, ceiling in (
        ("ONNX IR version", comparison.ir_version, riva.onnx_ir),
        ("opset", comparison.opset, riva.onnx_opset),
    ):
        if ceiling.value is None:
            notes.append(f"the highest {what} of Riva {riva.version} is unknown; the graph's {found} was not compared")
        elif found > ceiling.value:
            refuse_new(what, found, riva, ceiling)
    return notes


def refuse_new(what: str, found: int, riva: RivaVersion, ceiling: Cell) -> NoReturn:
    """Raises the error for a version above a ceiling.

    Raises:
        GraphTooNew: Always.
    """
    raise GRAPH_LOADABLE.finding(
        f"the graph has {what} {found}, Riva {riva.version} takes {ceiling.value}",
        why=f"{ceiling.evidence}: {ceiling.source}",
    ).as_error()


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
