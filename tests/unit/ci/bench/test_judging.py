"""The measurement of riva-verdict compares whole runs on the same bytes."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ci.bench import judging
from ci.bench.judging import measure_judging
from ci.errors import StageFailed
from tests.nemo_checkpoints import write_nemo


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A checkpoint that is not enlarged, which needs torch."""
    monkeypatch.setattr(judging, "BUILD", tmp_path)
    monkeypatch.setattr(judging, "_enlarge", lambda source, target, **_size: shutil.copy(source, target))
    return SimpleNamespace(nemo=write_nemo(tmp_path / "small.nemo"))


def test_every_target_of_the_verdict_is_measured_and_nothing_is_left(subject: Any, tmp_path: Path) -> None:
    """Static findings, a gzipped checkpoint and the scan have targets; gigabytes do not stay on the disk."""
    figures = {figure.name: figure for figure in measure_judging(subject, quick=True)}

    assert {name: figure.at_most for name, figure in figures.items() if figure.at_most} == {
        "verdict/plain/static findings": 1.0,
        "verdict/gzip/riva-verdict over gzip -t": 1.3,
        "verdict/scan/riva-verdict over sha256sum": 1.5,
    }
    assert all(figure.value > 0 for figure in figures.values())
    assert [path.name for path in tmp_path.iterdir()] == ["small.nemo"]


def test_a_refused_checkpoint_is_no_measurement(subject: Any) -> None:
    """A verdict that stopped early would look fast."""
    write_nemo(subject.nemo, members={"./model_weights.ckpt": b"nothing"})

    with pytest.raises(StageFailed, match="ended with 3"):
        [*measure_judging(subject, quick=True)]
