"""The first stage: its verdict is shown, decides whether work begins, and never passes for more than it says."""

from pathlib import Path

import pytest

from ci.errors import StageFailed
from ci.pipeline.__main__ import main
from pipelines.errors import MachineTooSmall


def ran(folder: Path) -> list[str]:
    return (folder.parents[1] / "ran").read_text().split()


def test_the_session_shows_the_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`nox -s verdict` prints what riva-verdict printed; the whole pipeline has a line about it."""
    assert main(["words", "--until=verdict"]) == 0
    assert "the table" in capsys.readouterr().out

    assert main(["words"]) == 0
    shown = capsys.readouterr().out
    assert "words: verdict: works; everywhere: 3 works" in shown
    assert "the table" not in shown


def test_unknown_goes_on_and_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody knows is tried, and is not called a success."""
    (folder.parents[1] / "unknown-verdict").touch()

    assert main(["words"]) == 0
    assert "words: verdict: unknown" in capsys.readouterr().out
    assert "riva-conformance" in ran(folder)


def test_a_refusal_stops_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is exported from a checkpoint that does not work."""
    (folder.parents[1] / "break-riva-verdict").touch()

    assert main(["words"]) == StageFailed.exit_code
    assert "riva-verdict is broken" in capsys.readouterr().err
    assert ran(folder) == ["riva-verdict"]


def test_a_machine_that_is_too_small_begins_no_work(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Memory and disk are asked before the export, even if the verdict itself is remembered."""
    assert main(["words", "--until=verdict"]) == 0
    (folder.parents[1] / "large-needs").touch()
    (folder / "model.nemo").write_bytes(b"larger weights")

    assert main(["words"]) == MachineTooSmall.exit_code
    assert "[memory-suffices]" in capsys.readouterr().err
    assert "nemo2riva" not in ran(folder)


def test_github_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page stands in the summary of the run, and each finding is an annotation of its own level."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (folder.parents[1] / "unknown-verdict").touch()

    main(["words", "--until=verdict"])

    assert "### the verdict" in (tmp_path / "summary.md").read_text()
    expected = "::warning title=words%3A riva-image-known::no source names it [riva-image-known]"
    assert expected in capsys.readouterr().err
