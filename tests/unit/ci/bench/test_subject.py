"""The speech that is recognised."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ci.bench import subject
from ci.bench.subject import RATE, speech


def test_utterances_are_five_to_fifteen_seconds_and_repeatable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sentences are joined to the lengths of the promise, the same ones at every call, without clipping."""
    for name, level in (("a", 1.0), ("b", -0.5)):
        soundfile.write(tmp_path / f"{name}.flac", np.full(RATE, level, np.float32), RATE)
    lines = [json.dumps({"audio_filepath": f"{name}.flac", "text": name}) for name in "ab"]
    (tmp_path / "manifest.json").write_text("\n".join(lines))
    monkeypatch.setattr(subject, "_EVALUATION", tmp_path)
    first, second = speech(20), speech(20)
    assert all(5 <= utterance.seconds <= 15 for utterance in first)
    assert len({len(utterance.pcm) for utterance in first}) > 15
    assert all(np.array_equal(a.pcm, b.pcm) for a, b in zip(first, second, strict=True))
    assert first[0].samples.max() == pytest.approx(1.0, abs=1e-3)
    assert set(np.unique(np.concatenate([u.pcm for u in first]) > 0)) == {True, False}
