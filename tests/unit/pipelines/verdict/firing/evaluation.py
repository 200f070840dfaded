"""Evaluation sets that nobody should be judged on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pipelines.verdict.evaluation.checks import check_evaluation
from pipelines.verdict.findings import Finding
from tests.unit.pipelines.verdict.evaluation_sets import CONFIG, RATE, converted, line, speech, write_set
from tests.unit.pipelines.verdict.firing import Firing

SILENCE = np.zeros(5 * RATE, np.float32)


def _checked(make: Callable[[Path], Path], *, spoken: bool = True) -> Firing:
    def check(folder: Path) -> Sequence[Finding]:
        rate = RATE if spoken else None
        return list(check_evaluation(make(folder / "evaluation"), CONFIG, sample_rate=rate, language="en-US"))

    return check


def _many(odd: str, *, seconds: float = 1.0, text: str = "go on") -> Firing:
    """Ten alike and one that is not."""
    usual = {f"{number}.wav": speech(1.0, seed=number) for number in range(10)}
    lines = [*(line(name) for name in usual), line(odd, text)]
    return _checked(lambda folder: write_set(folder, {**usual, odd: speech(seconds, seed=99)}, *lines))


FIRING: dict[str, Firing] = {
    "evaluation-manifest-valid": _checked(lambda folder: write_set(folder, {}, "not JSON")),
    "evaluation-audio-readable": _checked(lambda folder: write_set(folder, {}, line("nowhere.flac"))),
    "evaluation-audio-lossless": _checked(lambda folder: write_set(folder, {"a.ogg": speech()})),
    "evaluation-sample-rate": _checked(lambda folder: write_set(folder, {"a.wav": speech(rate=8000)}, rate=8000)),
    "evaluation-not-resampled": _checked(
        lambda folder: write_set(folder, {"a.wav": converted(speech(), lower=8000, how="HQ")})
    ),
    "evaluation-transcript-in-vocabulary": _checked(
        lambda folder: write_set(folder, {"a.wav": speech()}, line("a.wav", "gate 5"))
    ),
    "evaluation-speech-audible": _checked(lambda folder: write_set(folder, {"a.wav": SILENCE})),
    "evaluation-duration-as-stated": _checked(
        lambda folder: write_set(folder, {"a.wav": speech()}, line("a.wav", duration=7.5))
    ),
    "evaluation-same-transcript": _checked(
        lambda folder: write_set(folder, {"a.wav": speech()}, line("a.wav"), line("a.wav", "shut the window"))
    ),
    "evaluation-language-as-declared": _checked(
        lambda folder: write_set(folder, {"a.wav": speech()}, line("a.wav", lang="de-DE"))
    ),
    "evaluation-punctuation-only": _checked(
        lambda folder: write_set(folder, {}, {"text": "hello bob", "punctuated": "Hello, Bert."}), spoken=False
    ),
    "evaluation-recorded-once": _checked(lambda folder: write_set(folder, {"a.wav": speech(), "b.flac": speech()})),
    "evaluation-texts-varied": _checked(
        lambda folder: write_set(folder, {f"{number}.wav": speech(0.5, seed=number) for number in range(20)})
    ),
    "evaluation-duration-usual": _many("long.wav", seconds=30.0, text="open the window " * 30),
    "evaluation-speed-usual": _many("wrong.wav", text="a transcript of something else that is much longer " * 5),
    "evaluation-silence-usual": _checked(
        lambda folder: write_set(folder, {"a.wav": np.concatenate([speech(1.0), SILENCE])})
    ),
}
