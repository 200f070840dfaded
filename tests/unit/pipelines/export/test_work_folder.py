"""The work folder of an export leaves nothing behind, however the run ended."""

import os
from pathlib import Path

import pytest

from pipelines.errors import OutputFailed
from pipelines.export import work_folder as module
from pipelines.export.work_folder import work_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_goes_with_the_run(temporary: Path) -> None:
    """Nothing is left after a run, nor after one that failed."""
    with work_folder() as folder:
        (folder / "graph").mkdir()
    with pytest.raises(RuntimeError), work_folder():
        raise RuntimeError

    assert list(temporary.iterdir()) == []


def test_killed_runs_are_cleaned_and_living_ones_left_alone(temporary: Path) -> None:
    """A run removes what a killed one left, and never the folder of one that still works."""
    killed, almost_gone = temporary / "nemo2riva-killed_1", temporary / "nemo2riva-killed_2"
    (killed / "graph").mkdir(parents=True)
    almost_gone.mkdir()
    (temporary / "nemo2riva-not-ours").mkdir()

    with work_folder() as living, work_folder():
        assert living.exists()
        assert not killed.exists()
        assert not almost_gone.exists()

    assert [entry.name for entry in temporary.iterdir()] == ["nemo2riva-not-ours"]


def test_a_full_disk_is_said() -> None:
    """A disk that fills up is an error of the output, with what to do; other faults stay what they are."""
    with pytest.raises(OutputFailed, match="No space left on device"), work_folder():
        raise OSError(28, os.strerror(28))
    with pytest.raises(ConnectionError), work_folder():
        raise ConnectionError
