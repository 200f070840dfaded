"""`nox -s clean` frees what can be made again, and nothing else."""

from pathlib import Path

import pytest

from ci import clean, environments


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with outputs, a current, a stale and nox's own environment, and sources."""
    for name in ("current", "stale", "nox-3.11"):
        (tmp_path / ".environments" / name).mkdir(parents=True)
    (tmp_path / "build" / "words").mkdir(parents=True)
    (tmp_path / "build" / "words" / "words.riva").write_bytes(bytes(3_000_000))
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / ".environments")
    monkeypatch.setattr(environments, "find", lambda name: tmp_path / ".environments" / "current")
    return tmp_path


def names(root: Path) -> set[str]:
    return {path.name for folder in (root, root / ".environments") for path in folder.iterdir()}


def test_outputs_and_stale_environments_go(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs go, current environments stay, and the amount is said."""
    assert clean.main([]) == 0

    assert names(root) == {".environments", "checkpoints", "current", "nox-3.11"}
    assert "3 MB freed" in capsys.readouterr().out


def test_all_takes_the_environments_too(root: Path) -> None:
    """With --all only nox's own environment, which is running, stays."""
    clean.main(["--all"])

    assert names(root) == {".environments", "checkpoints", "nox-3.11"}
