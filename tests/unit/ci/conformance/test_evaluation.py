"""`ci.conformance.evaluation`: reading a NeMo manifest and choosing utterances from it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ci.conformance.evaluation import Passage, choose, read_evaluation
from ci.errors import BadEvaluation


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = []
    for number, length in enumerate([300, 100, 500, 200, 400]):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(length), 8000)
        lines.append(
            json.dumps({"audio_filepath": f"{number}.wav", "duration": length / 8000, "text": f"text {number}"})
        )
    (tmp_path / "manifest.json").write_text("\n".join(lines) + "\n\n")
    return tmp_path


def test_paths_are_relative_to_the_manifest(folder: Path) -> None:
    """As NeMo reads them."""
    first = read_evaluation(folder).utterances[0]

    assert (first.name, first.text, first.rate, len(first.samples)) == ("0", "text 0", 8000, 300)


@pytest.mark.parametrize(
    ("which", "names"),
    [("all", "01234"), ("shortest", "1"), ("longest", "2"), (2, "02"), (4, "0123"), (99, "01234")],
)
def test_utterances_are_chosen_evenly(folder: Path, which: str | int, names: str) -> None:
    """A few of a set sorted by voice are still of all voices."""
    assert "".join(utterance.name for utterance in choose(read_evaluation(folder).utterances, which)) == names


def test_a_line_with_marks_is_a_passage(tmp_path: Path) -> None:
    """It is named by its line, and may know what was recorded of it."""
    lines = [{"text": "a b", "punctuated": "A b."}, {"text": "c", "punctuated": "C?", "recorded": "C."}]
    (tmp_path / "manifest.json").write_text("\n".join(map(json.dumps, lines)))

    evaluation = read_evaluation(tmp_path)

    assert evaluation.utterances == ()
    assert evaluation.passages == (Passage("text 1", "a b", "A b."), Passage("text 2", "c", "C?", "C."))
    assert [passage.text for passage in choose(evaluation.passages, "longest")] == ["a b"]


WRONG = {
    "not json": ("{", "manifest.json:1: not a manifest line"),
    "no text": ('{"audio_filepath": "0.wav"}', "KeyError\\('text'\\)"),
    "no file": ('{"audio_filepath": "9.wav", "text": ""}', "manifest.json:1: .*9.wav is not there"),
    "no line": ("\n", "lists nothing"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_manifest_is_refused(folder: Path, text: str, message: str) -> None:
    """With its line."""
    (folder / "manifest.json").write_text(text)

    with pytest.raises(BadEvaluation, match=message):
        read_evaluation(folder)


def test_a_missing_folder_and_broken_audio_are_told(folder: Path) -> None:
    """Not a traceback."""
    (folder / "0.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "1.wav", np.zeros((10, 2)), 8000)
    broken, stereo, *_ = read_evaluation(folder).utterances

    with pytest.raises(BadEvaluation, match="No such file"):
        read_evaluation(folder / "none")
    with pytest.raises(BadEvaluation, match=r"cannot read .*0\.wav"):
        _ = broken.seconds
    with pytest.raises(BadEvaluation, match="2 channels"):
        _ = stereo.seconds
