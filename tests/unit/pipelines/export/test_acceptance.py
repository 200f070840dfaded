"""What is decided from the comparison of a graph with its checkpoint."""

import dataclasses
from typing import Any

import pytest

from pipelines.compatibility import Cell, riva_version
from pipelines.errors import GraphDiffers, GraphTooNew
from pipelines.export.acceptance import check_content, check_versions, tolerance_of
from tests.exports import COMPARISON, EXPORT


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"single_error": 0.5}, "by 0.5, one item at a time; the tolerance is 0.001"),
        ({"equal_error": 0.5}, "equal length in a batch"),
        ({"single_error": float("nan")}, "by nan"),
        ({"lengths": [[90, 45]]}, "45 outputs for 90 steps"),
    ],
    ids=["single", "batch", "nan", "stride"],
)
def test_a_graph_that_differs_fails(changes: dict[str, Any], what: str) -> None:
    """Above the tolerance the export fails and says by how much; at padding it only records."""
    check_content(EXPORT, dataclasses.replace(COMPARISON, padded_error=9.0))

    with pytest.raises(GraphDiffers, match=what):
        check_content(EXPORT, dataclasses.replace(COMPARISON, **changes))


def test_a_graph_newer_than_riva_fails() -> None:
    """IR version and opset are held against the chosen Riva; an unknown ceiling is said, not assumed."""
    old = riva_version("2.16")

    assert check_versions(COMPARISON, old) == []
    with pytest.raises(GraphTooNew, match=r"IR version 9, Riva 2\.16\.0 takes 8"):
        check_versions(dataclasses.replace(COMPARISON, ir_version=9), old)
    with pytest.raises(GraphTooNew, match="opset 19"):
        check_versions(dataclasses.replace(COMPARISON, opset=19), old)
    unknown = dataclasses.replace(old, onnx_ir=Cell(value=None, evidence="unknown", source="-", link="-"))
    assert "unknown" in check_versions(dataclasses.replace(COMPARISON, ir_version=99), unknown)[0]


def test_half_precision_has_its_own_tolerance() -> None:
    """A graph traced in half precision may differ by what half precision costs, and no more."""
    half = dataclasses.replace(EXPORT, autocast=True)

    assert tolerance_of(EXPORT) < tolerance_of(half)
    check_content(half, dataclasses.replace(COMPARISON, single_error=0.05))
    with pytest.raises(GraphDiffers):
        check_content(half, dataclasses.replace(COMPARISON, single_error=0.5))
