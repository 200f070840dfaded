"""The measurement of riva-build compares whole runs on the same bytes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ci.bench import building
from ci.bench.building import measure_building
from ci.errors import StageFailed
from tests.tones.archive import write_riva


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The network of the tones, enlarged to two megabytes of noise."""
    monkeypatch.setattr(building, "BUILD", tmp_path)
    monkeypatch.setattr(building, "_SIZES", {True: 2 << 20})
    return SimpleNamespace(riva=write_riva(tmp_path / "tones.riva"))


def test_both_kinds_are_measured_and_nothing_is_left(subject: Any, tmp_path: Path) -> None:
    """Plain and encrypted have ratios with their targets; gigabytes do not stay on the disk."""
    figures = {figure.name: figure for figure in measure_building(subject, quick=True)}

    ratios = [figures[f"build/{kind}/riva-build over cp and sha256sum"] for kind in ("plain", "encrypted")]
    assert [ratio.at_most for ratio in ratios] == [2.0, 2.5]
    assert all(figure.value > 0 for figure in figures.values())
    assert [path.name for path in tmp_path.iterdir()] == ["tones.riva"]


def test_a_tool_that_fails_is_no_measurement(subject: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ended early would look fast."""
    monkeypatch.setattr(building, "LANGUAGE", "no language")

    with pytest.raises(StageFailed, match="ended with 64"):
        [*measure_building(subject, quick=True)]
