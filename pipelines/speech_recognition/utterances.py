"""Sound for comparing a graph with its checkpoint: made from a seed, with the spectrum and pauses of speech."""

import numpy as np
import numpy.typing as npt

__all__ = ["DURATIONS", "utterances"]

DURATIONS = (0.9, 0.9, 1.7, 3.1, 4.6)
"""Seconds. Two are equal, for a batch without padding; the others share no divisor with a usual stride."""

_SEED = 20160216
_SYLLABLE = 0.21  # seconds; about the rate of read English


def utterances(sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """Returns one array of samples in [-1, 1] for each of `DURATIONS`.

    Syllables are harmonic tones with gliding pitch through two resonances, separated by noise and silence.
    """
    generator = np.random.default_rng(_SEED)
    return [_utterance(round(duration * sample_rate), sample_rate, generator) for duration in DURATIONS]


def _utterance(samples: int, rate: int, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    time = np.arange(samples) / rate
    pitch = 120 + 40 * np.sin(2 * np.pi * generator.uniform(0.3, 0.7) * time) + 20 * time
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    syllable = (time / _SYLLABLE).astype(int)
    count = int(syllable[-1]) + 1
    low, high = generator.uniform(300, 900, count)[syllable], generator.uniform(1100, 2800, count)[syllable]
    loudness = generator.uniform(0.2, 1.0, count)[syllable] * np.sin(np.pi * (time / _SYLLABLE % 1)) ** 2
    voice = np.zeros(samples)
    for harmonic in range(1, 25):
        frequency = harmonic * pitch
        gain = np.exp(-(((frequency - low) / 200) ** 2)) + 0.5 * np.exp(-(((frequency - high) / 300) ** 2)) + 0.02
        voice += gain * np.sin(harmonic * phase) / harmonic**0.5
    breath = generator.normal(0, 0.05, samples)
    sound = loudness * (voice + breath) + generator.normal(0, 1e-4, samples)
    return np.asarray(0.5 * sound / np.abs(sound).max(), dtype=np.float32)
