"""Evaluation sets for tests: recordings with the spectrum of speech, and manifests about them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RATE = 16_000
CONFIG = {"decoder": {"vocabulary": [" ", *"abcdefghijklmnopqrstuvwxyz'"]}}

Samples = npt.NDArray[np.float32]


def speech(seconds: float = 2.0, *, rate: int = RATE, seed: int = 0) -> Samples:
    """Noise in syllables whose spectrum falls by 6 dB an octave, as that of speech does; no sample is silent."""
    generator = np.random.default_rng(seed)
    count = round(seconds * rate)
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    spectrum = np.fft.rfft(generator.normal(size=count)) / np.maximum(frequencies, 200)
    syllables = 0.1 + np.sin(np.pi * np.arange(count) / rate / 0.2) ** 2
    sound = np.fft.irfft(spectrum, count) * syllables
    return np.asarray(0.5 * sound / np.abs(sound).max(), dtype=np.float32)


def converted(samples: Samples, *, lower: int, how: str, rate: int = RATE) -> Samples:
    """A recording taken down to a lower rate and up again, by soxr at a quality, or by `linear` interpolation."""
    low = soxr.resample(samples, rate, lower)
    if how == "linear":
        places = np.arange(len(samples)) * lower / rate
        return np.interp(places, np.arange(len(low)), low).astype(np.float32)
    return np.asarray(soxr.resample(low, lower, rate, quality=how), dtype=np.float32)


def as_int16(samples: Samples) -> npt.NDArray[np.int16]:
    """Samples as most files hold them; libsndfile itself rounds differently for each format."""
    return np.round(samples * 32767).astype(np.int16)


def write_set(
    folder: Path,
    recordings: Mapping[str, Samples],
    *lines: Mapping[str, Any] | str,
    rate: int = RATE,
    subtype: str | None = None,
) -> Path:
    """Writes an evaluation set.

    Args:
        folder: Where; made if it is not there.
        recordings: Samples by file name, whose suffix is the format.
        lines: Of the manifest, as they stand or as mappings; by default one for each recording.
        rate: Of the recordings, in Hz.
        subtype: How they are coded, in libsndfile's words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in recordings.items():
        soundfile.write(folder / name, as_int16(samples), rate, subtype=subtype)
    told: Sequence[Mapping[str, Any] | str] = lines or [line(name) for name in recordings]
    text = "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in told)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return folder


def line(name: str, text: str = "open the window", **more: Any) -> dict[str, Any]:
    """A line of a manifest."""
    return {"audio_filepath": name, "text": text, **more}
