"""`nox -s pipeline` ends in a table, the judgement, and an exit code that tells."""

import shutil
from pathlib import Path

import pytest

from ci.errors import StageFailed, UnknownCheckpoint
from ci.pipeline.__main__ import main
from pipelines.errors import UsageError


@pytest.fixture
def two(folder: Path) -> Path:
    """Two checkpoints, of which the first in the alphabet, `broken`, is no archive that the exporter takes."""
    broken = shutil.copytree(folder, folder.with_name("broken"))
    (broken / "model.nemo").unlink()
    return folder


def test_table_names_stage_output_size_digest_and_seconds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table at the end has a line for every output, and the judgement comes after it."""
    assert main(["words"]) == 0

    output = capsys.readouterr().out
    lines = [line.split() for line in output.splitlines()]
    assert ["stage", "output", "size", "sha256", "seconds"] in lines
    export = next(line for line in lines if line[:1] == ["export"])
    assert export[1:4] == ["words.riva", "15", "B"]
    assert output.splitlines()[-2:] == [
        "words: conformance: pass (1 pass); build/words/report/conformance.html",
        "  word errors: 1 %",
    ]


def test_unchanged_stages_are_marked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second run says what it did not do again."""
    main(["words"])
    capsys.readouterr()

    assert main(["words"]) == 0
    assert capsys.readouterr().out.count("unchanged") == 7


def test_one_failed_checkpoint_does_not_stop_the_others(two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are finished, the failed one is explained, and the exit code is not 0."""
    assert main([]) == 93

    output, errors = capsys.readouterr()
    assert "broken: failed" in output
    assert "words: conformance: pass" in output
    assert "checkpoint.path" in errors


def test_failure_keeps_the_table_of_what_was_made(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a failed run made is listed before the reason of the failure."""
    (folder.parents[1] / "break-riva-deploy").touch()

    assert main(["words"]) == StageFailed.exit_code
    output, errors = capsys.readouterr()
    assert "words-offline.rmir" in output
    assert "riva-deploy is broken" in errors


@pytest.mark.parametrize(
    ("words", "code"), [(["nothing"], UnknownCheckpoint.exit_code), (["--until=lunch"], UsageError.exit_code)]
)
def test_wrong_command_line_has_its_own_code(folder: Path, words: list[str], code: int) -> None:
    """An unknown checkpoint or stage is not mistaken for a failed one."""
    assert main(words) == code


def test_github_gets_a_summary_and_an_annotation(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In GitHub Actions the tables stand in the step summary, and a failure is annotated as well."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    main([])

    summary = (tmp_path / "summary.md").read_text()
    assert "| export | words.riva |" in summary
    assert "### ❌ broken" in summary
    assert "::error title=broken::" in capsys.readouterr().err
