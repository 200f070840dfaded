"""Values that lie far from the others are found, and ordinary spread is not."""

import pytest

from pipelines.verdict.evaluation.outliers import outliers

USUAL = [2.0, 2.2, 1.8, 2.1, 3.0, 1.5, 2.4, 1.9, 2.6, 2.3]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (USUAL, []),
        ([*USUAL, 30.0], [10]),
        ([0.05, *USUAL], [0]),
        ([*USUAL, 5.0], []),
        ([1.0] * 9 + [1.1], []),
        ([1.0] * 9 + [4.0], [9]),
        ([1.0, 100.0], []),
        ([], []),
    ],
    ids=["usual", "long", "short", "wide", "nearly-equal", "equal-but-one", "too-few", "none"],
)
def test_outliers(values: list[float], found: list[int]) -> None:
    """Both ends count by ratio; of few values, or nearly equal ones, nothing is claimed."""
    assert outliers(values) == found
