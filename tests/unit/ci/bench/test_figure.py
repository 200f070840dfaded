"""Figures: targets, ratios, and what is written."""

import json
from pathlib import Path

import pytest

from ci.bench import figure
from ci.bench.figure import Figure, median_ratio, show_figures, write_figures


@pytest.mark.parametrize(
    ("targets", "met", "target"),
    [
        ({}, None, ""),
        ({"at_least": 1.5}, True, "at least 1.5"),
        ({"at_least": 1.6}, False, "at least 1.6"),
        ({"at_most": 1.5}, True, "at most 1.5"),
        ({"at_most": 1.4}, False, "at most 1.4"),
    ],
)
def test_a_target_is_met_or_missed(targets: dict[str, float], met: bool | None, target: str) -> None:
    """A value that equals its target meets it, and a figure without one is neither met nor missed."""
    measured = Figure(name="a", value=1.5, unit="x", **targets)  # type: ignore[arg-type]
    assert (measured.met, measured.target) == (met, target)


def test_ratios_are_taken_round_by_round() -> None:
    """A slow minute that hits one round of both leaves their ratio as it is."""
    assert median_ratio([2.0, 40.0, 2.0], [1.0, 20.0, 1.0]) == (2.0, (2.0, 2.0))
    with pytest.raises(ValueError, match="zip"):
        median_ratio([1.0], [1.0, 2.0])


def test_the_report_holds_figures_and_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON has every field of a figure, its verdict, and what it was measured on; the table shows the same."""
    monkeypatch.setattr(figure, "_PACKAGES", ("numpy",))
    figures = [Figure(name="start/over", value=2.5, unit="s", at_most=2.0, spread=(2.1, 3.0))]
    write_figures(figures, tmp_path / "bench.json")
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["figures"][0] == {
        "name": "start/over",
        "value": 2.5,
        "unit": "s",
        "at_least": None,
        "at_most": 2.0,
        "spread": [2.1, 3.0],
        "target": "at most 2",
        "met": False,
    }
    assert report["machine"]["cores"] >= 1
    assert set(report["packages"]) == {"numpy"}
    show_figures(figures)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("start/over", "2.5 s", "2.1 to 3", "at most 2", "missed"))
