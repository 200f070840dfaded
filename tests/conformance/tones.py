"""A language of tones: each word is a tone of its own, so that a dozen lines recognise it in any codec and at any rate.

It gives the scripted server something to hear, and the suite an evaluation set, without a model.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16000
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel")
#: Below 3.4 kHz, which telephone audio keeps, and far enough apart for Opus.
HERTZ = {word: 500 + 300 * index for index, word in enumerate(WORDS)}
WORD_SECONDS, GAP_SECONDS, EDGE_SECONDS = 0.16, 0.12, 0.1
FRAME = RATE // 100
LOUD = 0.05

SENTENCES = (
    "alpha bravo charlie",
    "delta echo",
    "foxtrot golf hotel alpha",
    "bravo delta hotel",
    "echo charlie alpha golf",
    "hotel hotel bravo",
    "golf echo delta",
    "charlie foxtrot",
)


@dataclass(frozen=True)
class Word:
    """A recognised word; times in seconds."""

    text: str
    start: float
    end: float


def speak(sentence: str) -> NDArray[np.float32]:
    """Samples of a sentence at `RATE`."""
    time = np.arange(round(WORD_SECONDS * RATE)) / RATE
    edge, gap = (np.zeros(round(seconds * RATE)) for seconds in (EDGE_SECONDS, GAP_SECONDS))
    envelope = np.minimum(1, 100 * np.minimum(time, time[::-1]))
    parts = [edge]
    for word in sentence.split():
        parts += [0.4 * envelope * np.sin(2 * np.pi * HERTZ[word] * time), gap]
    return np.concatenate([*parts, edge]).astype(np.float32)


def recognise(samples: NDArray[np.float32]) -> list[Word]:
    """The words in samples at `RATE`; the last one may be unfinished."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    loud = np.concatenate([[False], np.sqrt(np.mean(frames**2, axis=1)) > LOUD, [False]])
    edges = np.flatnonzero(loud[1:] != loud[:-1])
    words = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < 0.5 * WORD_SECONDS * 100:
            continue
        segment = frames[start + 1 : end - 1].ravel()
        spectrum = np.abs(np.fft.rfft(segment * np.hanning(len(segment)), 4 * RATE // 10))
        peak = np.argmax(spectrum) * 2.5
        word = min(HERTZ, key=lambda each: abs(HERTZ[each] - peak))
        words.append(Word(word, start / 100, end / 100))
    return words


def write_evaluation(folder: Path) -> Path:
    """Writes the evaluation set of `SENTENCES`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, sentence in enumerate(SENTENCES):
        name = f"tones-{number}.flac"
        soundfile.write(folder / name, speak(sentence), RATE, subtype="PCM_16")
        lines.append(json.dumps({"audio_filepath": name, "duration": len(speak(sentence)) / RATE, "text": sentence}))
    (folder / "manifest.json").write_text("\n".join(lines) + "\n")
    return folder
