"""Training clips: espeak-ng speech made anew for every batch, arranged, levelled and disturbed.

Nothing is stored: espeak-ng speaks hundreds of times faster than real time, so that every batch can hold sentences
and voices never heard before, which is worth more than a fixed corpus heard many times.

The served model hears windows of four seconds cut out of a stream, normalised over the window alone, next to whole
recordings of any length. Hence three arrangements: one command with silence around it, a window of a longer recording,
and a long recording.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soxr
from torch.utils.data import IterableDataset, get_worker_info

from scripts.samples import grammar
from scripts.samples.speech import SAMPLE_RATE, TRAINING_VARIANTS, Espeak, Samples, Voice

Arrangement = Literal["single", "window", "long"]
#: How many of a hundred batches have each arrangement.
SHARES: dict[Arrangement, int] = {"single": 35, "window": 45, "long": 20}
#: Batches drawn together and sorted by length, so that little of a batch is padding.
GROUP = 6
#: Longest silence that streaming puts at either side of a chunk, seconds.
CONTEXT = 1.92


@dataclass(frozen=True)
class Clip:
    """What the model hears and what it should write."""

    samples: Samples
    text: str


@dataclass(frozen=True)
class _Word:
    """A word, or words that espeak-ng joined, and where it lies in a recording."""

    text: str
    start: int
    end: int


def _seconds(low: float, high: float, rng: random.Random) -> int:
    return int(rng.uniform(low, high) * SAMPLE_RATE)


def _decibels(value: float) -> float:
    return float(10.0 ** (value / 20.0))


def _peak(samples: Samples) -> float:
    return float(np.max(np.abs(samples), initial=0.0))


class Composer:
    """Makes clips; the same seeds give the same clips."""

    def __init__(self, exclude: frozenset[str]) -> None:
        self._espeak = Espeak()
        self._exclude = exclude

    def group(self, rng: random.Random, seconds: float) -> list[list[Clip]]:
        """Batches of one arrangement, each about ``seconds`` long after padding, clips of like length together."""
        arrangement = rng.choices(list(SHARES), list(SHARES.values()))[0]
        clips: list[Clip] = []
        while sum(len(clip.samples) for clip in clips) < GROUP * seconds * SAMPLE_RATE:
            clips.append(self.clip(arrangement, rng))
        clips.sort(key=lambda clip: len(clip.samples))
        batches: list[list[Clip]] = [[]]
        for clip in clips:
            if len(clip.samples) * (len(batches[-1]) + 1) > seconds * SAMPLE_RATE and batches[-1]:
                batches.append([])
            batches[-1].append(clip)
        rng.shuffle(batches)
        return batches

    def clip(self, arrangement: Arrangement, rng: random.Random) -> Clip:
        """One disturbed clip."""
        if rng.random() < 0.04:
            samples, text = np.zeros(_seconds(1.0, 4.0, rng), np.float32), ""
        elif arrangement == "window":
            samples, text = self._window(rng)
        else:
            samples, words = self._recording(rng, 0.0 if arrangement == "single" else rng.uniform(6.0, 13.0))
            text = " ".join(word.text for word in words)
        return Clip(_disturb(samples, rng), text)

    def _sentence(self, rng: random.Random) -> str:
        while (text := grammar.sentence(rng)) in self._exclude:
            pass
        return text

    def _recording(self, rng: random.Random, at_least: float) -> tuple[Samples, list[_Word]]:
        """Commands with silences before, between and after; one command if ``at_least`` seconds is 0."""
        parts: list[Samples] = [np.zeros(_silence(rng), np.float32)]
        words: list[_Word] = []
        position = len(parts[0])
        voice = Voice.draw_changed(rng, TRAINING_VARIANTS)
        while not words or position < at_least * SAMPLE_RATE:
            if rng.random() < 0.3:
                voice = Voice.draw_changed(rng, TRAINING_VARIANTS)
            said = self._espeak.speak(self._sentence(rng), voice)
            level = _decibels(rng.uniform(-6.0, 0.0)) / max(_peak(said.samples), 1e-3)
            words += _words(said.text, said.starts, len(said.samples), position)
            parts += [said.samples * level, np.zeros(_silence(rng), np.float32)]
            position += len(parts[-2]) + len(parts[-1])
        return np.concatenate(parts), words

    def _window(self, rng: random.Random) -> tuple[Samples, str]:
        """Two to four seconds out of a longer recording, cut between words."""
        samples, words = self._recording(rng, rng.uniform(4.0, 8.0))
        length = min(_seconds(2.0, 4.1, rng), len(samples))
        start = rng.randint(0, len(samples) - length)
        end = start + length
        for word in words:
            middle = (word.start + word.end) // 2
            if word.start < start < word.end:
                start = word.start if start < middle else word.end
            if word.start < end < word.end:
                end = word.start if end < middle else word.end
        inside = [word.text for word in words if start <= word.start and word.end <= end]
        return samples[start:end], " ".join(inside)


def _silence(rng: random.Random) -> int:
    """Samples of silence: mostly short, at times as long as a window."""
    return _seconds(0.0, 0.4, rng) if rng.random() < 0.6 else _seconds(0.4, 2.2, rng)


def _words(text: str, starts: tuple[int, ...], length: int, offset: int) -> list[_Word]:
    groups: list[tuple[str, int]] = []
    for word, start in zip(text.split(" "), starts, strict=True):
        if start < 0 and groups:
            groups[-1] = (f"{groups[-1][0]} {word}", groups[-1][1])
        else:
            groups.append((word, max(start, 0)))
    ends = [start for _, start in groups[1:]] + [length]
    return [_Word(word, offset + start, offset + end) for (word, start), end in zip(groups, ends, strict=True)]


def coloured_noise(count: int, slope: float, generator: np.random.Generator) -> Samples:
    """Noise of unit power whose power falls with frequency to the power ``slope``: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(generator.standard_normal(count, dtype=np.float32))
    frequency = np.maximum(np.arange(len(spectrum), dtype=np.float32), count * 20.0 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum * frequency ** (-slope / 2.0), count).astype(np.float32)
    return np.asarray(noise / (np.sqrt(np.mean(noise**2)) + 1e-9), np.float32)


def to_pcm16(samples: Samples) -> Samples:
    """What is left of ``samples`` after 16-bit PCM, which quiet speech feels."""
    return np.asarray(np.clip(np.round(samples * 32768), -32768, 32767) / 32768, np.float32)


def _disturb(samples: Samples, rng: random.Random) -> Samples:
    """Level, bandwidth, noise and digital silence around, each in part of the clips."""
    generator = np.random.default_rng(rng.getrandbits(64))
    level = _decibels(rng.uniform(-32.0, -0.5))
    samples = samples * np.float32(level)
    if rng.random() < 0.12:  # what 8 kHz callers send
        narrow = soxr.resample(samples, SAMPLE_RATE, 8000, quality="LQ")
        samples = np.asarray(soxr.resample(narrow, 8000, SAMPLE_RATE, quality="LQ"), np.float32)
    kind = rng.random()
    if kind < 0.65:
        # Speech of peak 1 has a power of about -18 dB: this is a signal-to-noise ratio of 10 to 42 dB.
        noise = coloured_noise(len(samples), rng.uniform(0.0, 2.0), generator)
        samples = samples + noise * np.float32(level * _decibels(rng.uniform(-60.0, -28.0)))
    elif kind < 0.8:
        samples = samples + generator.standard_normal(len(samples), dtype=np.float32) * np.float32(
            _decibels(rng.uniform(-95.0, -75.0))
        )
    if rng.random() < 0.3:
        before, after = (_seconds(0.0, CONTEXT, rng) if rng.random() < 0.6 else 0 for _ in range(2))
        samples = np.concatenate([np.zeros(before, np.float32), samples, np.zeros(after, np.float32)])
    return to_pcm16(samples)


class ClipGroups(IterableDataset[list[list[Clip]]]):
    """Groups of batches without end; group i depends on ``seed`` and i alone, however many workers there are."""

    def __init__(self, seconds: float, seed: int, exclude: frozenset[str]) -> None:
        self._seconds, self._seed, self._exclude = seconds, seed, exclude

    def __iter__(self) -> Iterator[list[list[Clip]]]:
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        composer = Composer(self._exclude)
        for index in itertools.count(first, step):
            yield composer.group(grammar.seeded(f"{self._seed}/{index}"), self._seconds)
