"""Outputs of other runs are found by a digest of everything that decides about them."""

from pathlib import Path

import pytest

from ci.pipeline import keys, run, stages
from ci.pipeline.keys import combined_key


@pytest.fixture
def words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint `words`, of which nothing was made yet."""
    monkeypatch.setattr(keys, "BUILD", stages.BUILD)
    return folder


def test_it_is_the_same_before_and_after_the_work(words: Path) -> None:
    """It is asked for in a fresh clone, and again by the run that keeps what it made."""
    before = combined_key(words)
    run.run_checkpoint(words, until="conformance", on_row=lambda row: None)

    assert combined_key(words) == before


@pytest.mark.parametrize(
    ("change", "stages_changed"),
    [
        pytest.param(
            lambda words: (words / "model.nemo").write_bytes(b"others"), {"export", "conformance"}, id="weights"
        ),
        pytest.param(
            lambda words: (words / "evaluation" / "manifest.json").write_text("[]"),
            {"export", "conformance"},
            id="data",
        ),
        pytest.param(
            lambda words: (words / "pipeline.yaml").write_text(
                (words / "pipeline.yaml").read_text().replace("0.16", "0.32")
            ),
            {"conformance"},
            id="an option of a build",
        ),
        pytest.param(
            lambda words: (words.parents[1] / "pipelines" / "code.py").write_text("version = 2"),
            {"export", "conformance"},
            id="code",
        ),
        pytest.param(lambda words: (words / "notes.txt").write_text("x"), set(), id="nothing that a stage reads"),
    ],
)
def test_it_changes_with_what_decides(words: Path, change: object, stages_changed: set[str]) -> None:
    """Each stage's own reasons count, and those of the stages before it."""
    before = {until: combined_key(words, until=until) for until in ("export", "conformance")}
    change(words)  # type: ignore[operator]

    assert {until for until, key in before.items() if combined_key(words, until=until) != key} == stages_changed


def test_a_lane_needs_no_checkpoint(words: Path) -> None:
    """From the build on, the export that was handed over stands for it."""
    run.run_checkpoint(words, until="export", on_row=lambda row: None)
    (words / "model.nemo").unlink()
    before = combined_key(words, since="build")
    (stages.BUILD / "words" / "words.riva").write_bytes(b"another export")

    assert combined_key(words, since="build") != before


def test_targets_have_keys_of_their_own(words: Path) -> None:
    """An engine for one target is never taken for that of another."""
    declaration = words / "pipeline.yaml"
    declaration.write_text(declaration.read_text() + "targets: [cpu, jetson]\n")

    assert combined_key(words, target="jetson") != combined_key(words, target="cpu")
