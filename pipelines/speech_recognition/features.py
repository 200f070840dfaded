"""NeMo's mel spectrogram in numpy: whole utterances and, with the same numbers, audio that arrives piece by piece.

Follows `nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor` (NeMo 3.0) in evaluation mode: no dither, no
padding of the number of frames. Tests compare it with features that NeMo itself computed.

This module is copied into the model repository: it needs numpy and nothing of this project but its neighbours.
"""

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FeatureSettings", "FeatureStream", "MelSpectrogram", "Normalizer", "UnsupportedFeatures"]

Array = npt.NDArray[np.float32]

STD_GUARD = 1e-5  # NeMo adds it to every standard deviation
_BLOCK = 128  # frames computed at once: their spectrum stays in the processor's cache
_WINDOWS = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett}
_GUARDS = {"tiny": float(np.finfo(np.float32).tiny), "eps": float(np.finfo(np.float32).eps)}


class UnsupportedFeatures(ValueError):
    """The preprocessor of a checkpoint asks for something that is not done here; the text says what."""


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """How audio becomes frames; the names are those of the `preprocessor` section of a NeMo configuration.

    Args:
        sample_rate: In hertz.
        window: Samples in a window.
        hop: Samples from one frame to the next.
        n_fft: Length of the Fourier transform.
        window_type: hann, hamming, blackman, bartlett or none.
        features: Mel bands.
        low: Lowest frequency of the bands in hertz.
        high: Highest frequency in hertz.
        mel_norm: `slaney` (bands of equal area) or None.
        preemphasis: Coefficient of x[t] - c x[t-1], or None.
        power: Exponent of the magnitude.
        log: Whether to take the logarithm.
        guard_type: How zeros are kept from the logarithm: `add` or `clamp`.
        guard: The value that is added or clamped to.
        normalize: `per_feature`, `all_features`, None, or fixed `mean` and `std` for each band.
    """

    sample_rate: int = 16000
    window: int = 320
    hop: int = 160
    n_fft: int = 512
    window_type: str = "hann"
    features: int = 64
    low: float = 0.0
    high: float = 8000.0
    mel_norm: str | None = "slaney"
    preemphasis: float | None = 0.97
    power: float = 2.0
    log: bool = True
    guard_type: str = "add"
    guard: float = 2.0**-24
    normalize: str | Mapping[str, list[float]] | None = "per_feature"

    @classmethod
    def from_nemo(cls, section: Mapping[str, Any]) -> "FeatureSettings":
        """Reads the `preprocessor` section of a NeMo `model_config.yaml`.

        Raises:
            UnsupportedFeatures: It is another preprocessor, or a setting changes the frames in a way not done here.
        """
        target = str(section.get("_target_", section.get("cls", ""))).rsplit(".", 1)[-1]
        if target != "AudioToMelSpectrogramPreprocessor":
            raise UnsupportedFeatures(f"preprocessor {target or 'without _target_'}: expected a mel spectrogram")
        for name, neutral in (("frame_splicing", 1), ("exact_pad", False)):
            if section.get(name, neutral) != neutral:
                raise UnsupportedFeatures(f"preprocessor.{name} = {section[name]}: expected {neutral}")
        rate = int(section.get("sample_rate", 16000))
        window = _samples(section, "window", rate, 0.02)
        guard = section.get("log_zero_guard_value", 2**-24)
        normalize = section.get("normalize", "per_feature") or None
        if isinstance(normalize, Mapping):
            normalize = {"mean": _flat(normalize["fixed_mean"]), "std": _flat(normalize["fixed_std"])}
        elif normalize not in ("per_feature", "all_features", "NA", None):
            raise UnsupportedFeatures(f"preprocessor.normalize = {normalize}: expected per_feature or all_features")
        return cls(
            sample_rate=rate,
            window=window,
            hop=_samples(section, "window_stride", rate, 0.01),
            n_fft=int(section.get("n_fft") or 2 ** math.ceil(math.log2(window))),
            window_type=str(section.get("window", "hann")),
            features=int(section.get("features", 64)),
            low=float(section.get("lowfreq") or 0),
            high=float(section.get("highfreq") or rate / 2),
            mel_norm=section.get("mel_norm", "slaney"),
            preemphasis=section.get("preemph", 0.97),
            power=float(section.get("mag_power", 2.0)),
            log=bool(section.get("log", True)),
            guard_type=str(section.get("log_zero_guard_type", "add")),
            guard=_GUARDS[guard] if isinstance(guard, str) else float(guard),
            normalize=None if normalize == "NA" else normalize,
        )


def _samples(section: Mapping[str, Any], name: str, rate: int, default: float) -> int:
    """A duration that NeMo takes in seconds (`window_size`) or in samples (`n_window_size`)."""
    name = name if name.startswith("window_") else f"{name}_size"
    if section.get(f"n_{name}") is not None:
        return int(section[f"n_{name}"])
    return int(float(section.get(name, default)) * rate)


def _flat(values: Any) -> list[float]:
    return [float(value) for value in np.asarray(values, dtype=np.float64).reshape(-1)]


class MelSpectrogram:
    """The constants of a mel spectrogram (window, filter bank); shared by all streams."""

    def __init__(self, settings: FeatureSettings, *, threads: int = 1) -> None:
        """Args:
        settings: How audio becomes frames.
        threads: How many compute the frames of a recording, at most, if processor cores are free: that answers a
            single caller sooner, and takes a tenth more time in all.
        """
        self.settings = settings
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="features")
        self._threads = threads
        # Sample t * hop of the signal stands in the middle of frame t.
        self.lead = settings.n_fft // 2 - (settings.n_fft - settings.window) // 2
        window_of = _WINDOWS.get(settings.window_type, np.ones)
        self._window = window_of(settings.window).astype(np.float32)
        self._bands = np.ascontiguousarray(_mel_filters(settings).T)

    def frames(self, samples: Array) -> Array:
        """Returns the log mel frames (frames, features) of preemphasised samples, as many as fit.

        Args:
            samples: The signal from `lead` samples before the middle of the first frame.
        """
        s = self.settings
        count = max(0, (len(samples) - s.window) // s.hop + 1)
        if not count:
            return np.empty((0, s.features), np.float32)
        step = samples.strides[0]
        windows = np.lib.stride_tricks.as_strided(samples, (count, s.window), (s.hop * step, step), writeable=False)
        mel = np.empty((count, s.features), np.float32)
        blocks = iter(range(0, count, _BLOCK))

        def work() -> None:
            for first in blocks:
                self._bands_of(windows[first : first + _BLOCK], out=mel[first : first + _BLOCK])

        # Each takes the next block when it is done with its last: a helper comes late, since its core was asleep.
        helping = [self._pool.submit(work) for _ in range(self._helpers(count))]
        work()
        for helper in helping:
            helper.result()
        if not s.log:
            return mel
        guard = np.add if s.guard_type == "add" else np.maximum
        guard(mel, np.float32(s.guard), out=mel)
        logarithm: Array = np.log(mel, out=mel)
        return logarithm

    def _helpers(self, count: int) -> int:
        """How many threads help with so many frames."""
        threads = min(self._threads, count // _BLOCK)
        return min(threads, _free_cores()) - 1 if threads > 1 else 0

    def _bands_of(self, windows: Array, *, out: Array) -> None:
        # The zeros stand behind the window, not on either side: that changes only the phase.
        spectrum = np.fft.rfft(windows * self._window, self.settings.n_fft)
        energy = spectrum.real**2 + spectrum.imag**2
        if self.settings.power != 2.0:
            energy **= self.settings.power / 2
        np.matmul(energy.astype(np.float32), self._bands, out=out)

    def __call__(self, samples: Array) -> Array:
        """Returns the frames (frames, features) of a whole utterance, before normalisation."""
        stream = FeatureStream(self)
        return np.concatenate([stream.append(samples), stream.finish()])


@dataclass
class FeatureStream:
    """Frames of audio that arrives in pieces: each is computed once, as soon as its samples are there."""

    mel: MelSpectrogram
    samples: int = 0
    count: int = 0
    _last: np.float32 = field(default=np.float32(0), init=False)
    _pending: Array = field(init=False)

    def __post_init__(self) -> None:
        self._pending = np.zeros(self.mel.lead, np.float32)

    def append(self, samples: Array) -> Array:
        """Takes samples in [-1, 1] and returns the frames (new frames, features) that they complete."""
        if not len(samples):
            return self._take(0)
        kept = len(self._pending)
        pending = np.empty(kept + len(samples), np.float32)
        pending[:kept] = self._pending
        emphasised = pending[kept:]
        coefficient = np.float32(self.mel.settings.preemphasis or 0)
        emphasised[0] = samples[0] - coefficient * self._last
        np.multiply(samples[:-1], -coefficient, out=emphasised[1:])
        emphasised[1:] += samples[1:]
        self._pending = pending
        self._last = np.float32(samples[-1])
        self.samples += len(samples)
        return self._take(self.samples // self.mel.settings.hop - self.count)

    def finish(self) -> Array:
        """Returns the last frames: NeMo continues the signal with zeros and keeps samples // hop frames."""
        missing = self.samples // self.mel.settings.hop - self.count
        if missing <= 0:
            return self._take(0)
        settings = self.mel.settings
        lacking = (missing - 1) * settings.hop + settings.window - len(self._pending)
        self._pending = np.concatenate([self._pending, np.zeros(max(0, lacking), np.float32)])
        return self._take(missing)

    def _take(self, limit: int) -> Array:
        settings = self.mel.settings
        usable = (limit - 1) * settings.hop + settings.window if limit > 0 else 0
        frames = self.mel.frames(self._pending[:usable])
        self.count += len(frames)
        self._pending = self._pending[len(frames) * settings.hop :]
        return frames


class Normalizer:
    """Makes frames zero in mean and one in deviation, over the frames themselves or over all that a stream has had."""

    def __init__(self, settings: FeatureSettings, *, cumulative: bool = False) -> None:
        """Args:
        settings: Says which of NeMo's ways to use.
        cumulative: Whether the statistics are those of every frame since the start of the stream.
        """
        self._kind, self._cumulative = settings.normalize, cumulative and isinstance(settings.normalize, str)
        self._count = 0
        self._sum = np.zeros(settings.features)
        self._squares = np.zeros(settings.features)

    def observe(self, frames: Array) -> None:
        """Adds new frames to the statistics of the stream."""
        if self._cumulative and len(frames):
            self._count += len(frames)
            self._sum += frames.sum(0, dtype=np.float64)
            self._squares += np.square(frames, dtype=np.float64).sum(0)

    def __call__(self, frames: Array) -> Array:
        """Returns (frames, features) normalised."""
        if self._kind is None:
            return frames
        if isinstance(self._kind, Mapping):
            mean, std = (np.asarray(self._kind[name], np.float32) for name in ("mean", "std"))
            return _scaled(frames, mean, std)
        if self._cumulative:
            count, total, squares = self._count, self._sum, self._squares
            if self._kind == "all_features":
                count, total, squares = count * len(total), total.sum(), squares.sum()
            mean = total / count
            variance = np.maximum(squares - count * mean**2, 0) / max(count - 1, 1)
            return _scaled(frames, mean, np.sqrt(variance) + STD_GUARD)
        values = frames if self._kind == "per_feature" else frames.reshape(-1, 1)
        centred: Array = values - values.sum(0) / np.float32(len(values))
        variance = np.einsum("ij,ij->j", centred, centred) / np.float32(max(len(values) - 1, 1))
        centred /= np.sqrt(variance) + np.float32(STD_GUARD)
        return centred.reshape(frames.shape)


def _scaled(frames: Array, mean: npt.NDArray[Any], std: npt.NDArray[Any]) -> Array:
    scaled: Array = (frames - mean.astype(np.float32)) / std.astype(np.float32)
    return scaled


def _free_cores() -> int:
    """Cores that nothing runs on at this moment, with the one of the caller; all where Linux does not tell.

    One thread does not count: whoever handed over the recording may be on its way to sleep.
    """
    cores = len(os.sched_getaffinity(0))
    try:
        running = Path("/proc/loadavg").read_text("ascii").split()[3].partition("/")[0]  # proc(5): the caller included
    except OSError:
        return cores
    return max(1, min(cores, cores - int(running) + 2))


def _mel_filters(settings: FeatureSettings) -> Array:
    """Triangular filters (features, n_fft / 2 + 1) on Slaney's mel scale (Auditory Toolbox, 1998), as librosa's."""
    bins = np.linspace(0, settings.sample_rate / 2, settings.n_fft // 2 + 1)
    low, high = _to_mel(np.array([settings.low, settings.high]))
    edges = _to_hertz(np.linspace(low, high, settings.features + 2))
    widths = np.diff(edges)
    ramps = edges[:, None] - bins
    rising, falling = -ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]
    filters: Array = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    if settings.mel_norm == "slaney":
        filters *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters


_LINEAR = 200.0 / 3  # hertz a mel below the break
_BREAK = 1000.0  # hertz; logarithmic above
_LOG_STEP = math.log(6.4) / 27


def _to_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logarithmic = _BREAK / _LINEAR + np.log(np.maximum(hertz, _BREAK) / _BREAK) / _LOG_STEP
    return np.where(hertz < _BREAK, hertz / _LINEAR, logarithmic)


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    logarithmic = _BREAK * np.exp(_LOG_STEP * (mel - _BREAK / _LINEAR))
    return np.where(mel < _BREAK / _LINEAR, mel * _LINEAR, logarithmic)
