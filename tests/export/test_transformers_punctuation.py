"""The script that the bench compares the punctuation server with answers as NeMo did."""

import io
import json
from pathlib import Path

import pytest

from scripts import transformers_punctuation

pytestmark = pytest.mark.export
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore")]  # type: ignore[assignment]  # transformers' imports warn

SAMPLE = Path(__file__).parents[2] / "checkpoints" / "punctuation-en-US"
ONE_WINDOW = 30  # words, at most two pieces each


def test_it_answers_as_recorded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line with the answers to each line of texts, whatever the batch, and how long it took."""
    lines = (SAMPLE / "evaluation" / "manifest.json").read_text(encoding="utf-8").splitlines()
    entries = [entry for entry in map(json.loads, lines) if len(entry["text"].split()) < ONE_WINDOW][:20]
    requests = [{"texts": [entry["text"] for entry in entries], "batch": batch} for batch in (1, 8)]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{json.dumps(request)}\n" for request in requests)))

    assert transformers_punctuation.main([str(SAMPLE / "model.nemo")]) == 0

    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["texts"] for answer in answers] == [[entry["recorded"] for entry in entries]] * 2
    assert all(answer["seconds"] > 0 for answer in answers)
