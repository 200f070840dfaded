"""The summary of a pull request says what has changed against the base branch."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ci import comparison
from ci.checksums import write_sums
from ci.comparison import Result, as_markdown, main
from ci.pipeline.content import Content
from ci.pipeline.records import Record

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes what a checkpoint came to."""

    def write(name: str, *, errors: str, delay: str, size: int, verdict: str = "works") -> Path:
        folder = tmp_path / name
        for part in ("verdict", "report", ".state"):
            (folder / part).mkdir(parents=True)
        (folder / "verdict" / "verdict.json").write_text(json.dumps({"checkpoints": [{"outcome": verdict}]}))
        measured = {"word error rate, offline": errors, "median delay of a word": delay}
        report = {"outcome": "pass", "counts": {"pass": 215, "fail": 0}, "measured": measured}
        (folder / "report" / "conformance.json").write_text(json.dumps(report))
        Record("key", {"words.rmir": Content("f" * 64, size)}, {"build": 1.0}, {}).write(
            folder / ".state" / "build.json"
        )
        return folder

    return write


def test_changes_are_shown_beside_each_other(write: Write) -> None:
    """Accuracy and latency by their difference, sizes by their growth, words as changed."""
    base = Result.read(write("base", errors="0.60% of 2.00%", delay="1.30 s of 2.58 s", size=1000))
    here = Result.read(write("here", errors="0.75% of 2.00%", delay="1.10 s of 2.58 s", size=1500, verdict="unknown"))

    lines = as_markdown("words on cpu", here, base).splitlines()

    assert lines[0] == "### words on cpu, compared with the base branch"
    assert "| verdict | works | unknown | changed |" in lines
    assert "| conformance | pass (215 pass) | pass (215 pass) |  |" in lines
    assert "| word error rate, offline | 0.60% of 2.00% | 0.75% of 2.00% | +0.15 % |" in lines
    assert "| median delay of a word | 1.30 s of 2.58 s | 1.10 s of 2.58 s | -0.20 s |" in lines
    assert "| words.rmir | 1.0 kB | 1.5 kB | +50.0 % |" in lines


@pytest.fixture
def here(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint `words`, just judged."""
    folder = write("words", errors="0.60% of 2.00%", delay="1 s", size=1000)
    monkeypatch.setattr(comparison, "BUILD", folder.parent)
    monkeypatch.setattr(comparison, "find_checkpoints", lambda names: [Path(names[0])])
    return folder


def test_without_a_base_it_says_so(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new checkpoint, or an artifact that has expired: what was measured is shown alone."""
    assert main(["words", "--target", "cpu", "--baseline", str(tmp_path / "nothing")]) == 0

    output = capsys.readouterr().out
    assert "There is nothing to compare with: the base branch was never judged" in output
    assert "| word error rate, offline | 0.60% of 2.00% |" in output


@pytest.mark.parametrize("damaged", [False, True])
def test_a_damaged_base_is_none(
    here: Path, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], damaged: bool
) -> None:
    """Figures that arrived damaged are not shown as if they were the base's."""
    base = write("baseline/words/cpu", errors="0.10% of 2.00%", delay="1 s", size=1000)
    write_sums(base)
    if damaged:
        (base / "report" / "conformance.json").write_text("{}")

    assert main(["words", "--target", "cpu", "--baseline", str(tmp_path / "baseline")]) == 0

    output = capsys.readouterr().out
    assert ("+0.50 %" in output) is not damaged
    assert ("report/conformance.json has sha256" in output) is damaged
