"""What speaks against an evaluation set is found; nothing speaks against those of the samples."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.evaluation.checks import check_evaluation
from pipelines.verdict.findings import Finding
from tests.unit.pipelines.verdict.evaluation_sets import CONFIG, RATE, converted, line, speech, write_set

ROOT = Path(__file__).parents[5]
SAMPLES = sorted(path.parent for path in ROOT.glob("checkpoints/*/evaluation/manifest.json"))


def found(folder: Path, *, rate: int | None = RATE, language: str = "en-US") -> list[Finding]:
    return list(check_evaluation(folder, CONFIG, sample_rate=rate, language=language))


def ids(findings: list[Finding]) -> list[str]:
    return [finding.rule.id.removeprefix("evaluation-") for finding in findings]


@pytest.mark.parametrize("folder", SAMPLES, ids=lambda folder: folder.parent.name)
def test_nothing_speaks_against_the_samples(folder: Path) -> None:
    """Recordings and texts of this repository keep every rule."""
    config: dict[str, Any] = {}
    if (nemo := folder.parent / "model.nemo").exists():
        with NemoCheckpoint.open(nemo) as checkpoint:
            config = checkpoint.config
    spoken = '"audio_filepath"' in (folder / "manifest.json").read_text(encoding="utf-8")
    declared = folder.parent / "pipeline.yaml"
    language = yaml.safe_load(declared.read_text(encoding="utf-8"))["language"] if declared.exists() else "en-US"

    assert list(check_evaluation(folder, config, sample_rate=RATE if spoken else None, language=language)) == []


def test_good_data_is_silent(tmp_path: Path) -> None:
    """FLAC and WAV at 16 kHz, with transcripts, durations and tags that are right."""
    recordings = {"a.wav": speech(seed=1), "b.flac": speech(seed=2)}
    lines = [line("a.wav", "open it", duration=2.0, lang="en"), line("b.flac", "Shut it!", duration=2.0)]

    assert found(write_set(tmp_path, recordings, *lines)) == []


def test_several_things_can_be_wrong_with_one_line(tmp_path: Path) -> None:
    """Each is found, and says which line, which file and which values."""
    write_set(tmp_path / "evaluation", {"a.wav": speech(rate=8000)}, line("a.wav", "gate 5", duration=9.0), rate=8000)

    findings = found(tmp_path / "evaluation")

    assert ids(findings) == ["transcript-in-vocabulary", "sample-rate", "duration-as-stated"]
    assert {finding.where for finding in findings} == {"evaluation/manifest.json:1"}
    assert "8000 Hz, expected at least 16000 Hz" in findings[1].what


def test_a_model_for_8_khz_takes_recordings_of_8_khz(tmp_path: Path) -> None:
    """The guide's 16 kHz are for models of 16 kHz; a telephone's model hears a telephone."""
    write_set(tmp_path, {"a.wav": speech(rate=8000)}, rate=8000)

    assert ids(found(tmp_path, rate=8000)) == []


def test_what_the_model_cannot_hear_does_not_matter(tmp_path: Path) -> None:
    """A file at 16 kHz made from 8 kHz is no loss for a model of 8 kHz."""
    write_set(tmp_path, {"a.wav": converted(speech(), lower=8000, how="HQ")})

    assert ids(found(tmp_path, rate=8000)) == []
    assert ids(found(tmp_path, rate=16_000)) == ["not-resampled"]


def test_stereo_is_refused(tmp_path: Path) -> None:
    """The server takes one channel."""
    import numpy as np

    write_set(tmp_path, {"a.wav": np.stack([speech(), speech()], axis=1)})

    assert ids(found(tmp_path)) == ["audio-readable"]


def test_a_copy_with_another_transcript_is_worse_than_a_copy(tmp_path: Path) -> None:
    """The same sound in another format is a copy too; both lines are named."""
    recordings = {"a.wav": speech(), "b.flac": speech()}
    write_set(tmp_path / "evaluation", recordings, line("a.wav", "one"), line("b.flac", "two"))

    findings = found(tmp_path / "evaluation")

    assert ids(findings) == ["recorded-once", "same-transcript"]
    assert all("evaluation/manifest.json:1" in finding.what for finding in findings)
    assert findings[0].what.startswith("the same sound in another file")


def test_many_findings_of_a_rule_are_counted(tmp_path: Path) -> None:
    """Of a thousand wrong lines the first five are told, and how many more there are."""
    write_set(tmp_path, {}, *["wrong"] * 1000)

    findings = found(tmp_path)

    assert len(findings) == 6
    assert findings[-1].what == "995 more like that"
    assert findings[-1].where.endswith("manifest.json:1000")


def test_a_language_that_nobody_declared_is_not_compared(tmp_path: Path) -> None:
    """A checkpoint alone has no declared language."""
    write_set(tmp_path, {"a.wav": speech()}, line("a.wav", lang="de-DE"))

    assert ids(found(tmp_path, language="")) == []
    assert ids(found(tmp_path)) == ["language-as-declared"]


def test_text_and_speech_are_not_mixed_up(tmp_path: Path) -> None:
    """A text model's set needs no recordings; a speech model's needs them."""
    write_set(tmp_path, {}, {"text": "hello bob", "punctuated": "Hello, Bob."})

    assert found(tmp_path, rate=None) == []
    assert ids(found(tmp_path)) == ["manifest-valid"]
