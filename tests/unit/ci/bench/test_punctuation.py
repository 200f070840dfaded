"""What is compared with the punctuation server answers as it does."""

import sys
from pathlib import Path

import pytest

from ci.bench import punctuation
from ci.bench.punctuation import Baseline
from ci.bench.subject import BERTS, Subject
from ci.errors import StageFailed, WrongAnswer
from pipelines.cli import riva_build, riva_deploy
from tests.marks.archive import mark_network
from tests.tiny.punctuation import ANSWER, OPTIONS, write_riva


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The tiny punctuation model, deployed; its `.riva` goes by the name of the folder, as the stages name it."""
    riva, rmir = write_riva(tmp_path / f"{tmp_path.name}.riva"), tmp_path / "a.rmir"
    assert riva_build.main(["punctuation", str(rmir), str(riva), *OPTIONS]) == 0
    assert riva_deploy.main([str(rmir), str(tmp_path / "models")]) == 0
    return Subject(BERTS[0], tmp_path / "model.nemo", tmp_path)


def test_the_baseline_punctuates(subject: Subject) -> None:
    """With the tokenizer and the graph that are served, and windows where a text needs them."""
    baseline = Baseline(subject, threads=1)

    assert subject.graph.read_bytes() == mark_network().SerializeToString()
    assert baseline(["hello pause paris ask", "stop"]) == [ANSWER, "stop."]
    assert baseline.fits("hello pause")
    assert not baseline.fits("hello " * 70)
    assert baseline(["hello stop " * 70])[0].split() == ["Hello", "stop."] * 70


def test_another_answer_is_no_faster_one() -> None:
    """One text in a hundred may go the other way; more end the measurement, with an example."""
    punctuation._check("it", ["A."] * 99 + ["B."], ["A."] * 100)
    with pytest.raises(WrongAnswer, match=r"it answers 2 of 100 texts otherwise: 'B\.', expected 'A\.'"):
        punctuation._check("it", ["A."] * 98 + ["B."] * 2, ["A."] * 100)


def test_transformers_that_cannot_start_end_the_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its process ends without an answer, and that is said."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(punctuation.environments, "ready", lambda name: tmp_path)

    with punctuation._transformers(tmp_path / "none.nemo") as other, pytest.raises(StageFailed, match="ended with 1"):
        other.answers(["hello"])
