"""Recognises a recording that was converted from a lower sample rate, by what its spectrum holds above the old Nyquist.

A recording at rate R holds sound up to R/2. Converted to a higher rate it holds above that either next to nothing (a
band-limited resampler: a cliff in the spectrum), or the mirror image of what is below (linear interpolation, repeated
samples: the same sound, reflected at R/2). Speech has neither: its spectrum falls gently, and hiss (s, f, sh) lies
above 4 kHz whatever the speaker.

Measured on the 120 recordings of the sample, and on them converted down to 8, 11.025 and 12 kHz and up again:

                              original        band-limited (soxr)      linear, cubic, repeated
    cliff                     at most 19 dB   44 to 74 dB
    likeness to the mirror    at most 0.37    at most 0.07             8 kHz: 0.99; 12 kHz: 0.63 to 0.95

Not recognised: interpolation from 11.025 kHz, whose images overlap at 16 kHz; what a codec cut off elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FRAME", "HOP", "Spectrum"]

FRAME, HOP = 512, 256  # samples: 32 ms and 16 ms at 16 kHz
LOWER_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100)

_CLIFF = 30.0  # dB
_LIKENESS = 0.75
_LEAST_FRAMES = 20
_AUDIBLE = 1e-6  # mean power of a frame, of 1: -60 dB
_NEAR, _FAR = 250, 1000  # Hz from the old Nyquist: where images are compared

_WINDOW = np.hanning(FRAME).astype(np.float32)


@dataclass
class _Mirror:
    """Sums over frames for the correlation between a band and its mirror image."""

    below: NDArray[np.intp]
    above: NDArray[np.intp]
    count: int = 0
    sums: NDArray[np.float64] | None = None

    def add(self, log_power: NDArray[np.float32]) -> None:
        """Adds frames, each less its own mean: what counts is the shape, not that both grow loud together."""
        below, above = log_power[:, self.below], log_power[:, self.above]
        below = below - below.mean(axis=1, keepdims=True)
        above = above - above.mean(axis=1, keepdims=True)
        sums = np.stack([each.sum(axis=0) for each in (below, above, below * below, above * above, below * above)])
        self.sums = sums.astype(np.float64) if self.sums is None else self.sums + sums
        self.count += len(log_power)

    @property
    def likeness(self) -> float:
        """Pearson's correlation, each frequency less its mean over time; 0 if there is too little to say."""
        if self.sums is None or self.count < _LEAST_FRAMES:
            return 0.0
        below, above, below2, above2, both = self.sums / self.count
        variance = (below2 - below * below).sum() * (above2 - above * above).sum()
        return float((both - below * above).sum() / np.sqrt(variance)) if variance > 0 else 0.0


class Spectrum:
    """The long-term spectrum of a recording, collected frame by frame."""

    def __init__(self, rate: int) -> None:
        """Starts a recording.

        Args:
            rate: Its sample rate in Hz.
        """
        self._bin = rate / FRAME
        self._nyquist = rate / 2
        self._power = np.zeros(FRAME // 2 + 1)
        self._frames = 0
        self._mirrors = {each: self._mirror(each / 2) for each in LOWER_RATES if each / 2 + _FAR < self._nyquist}

    def add(self, frames: NDArray[np.float32]) -> None:
        """Adds frames, shape [frames, FRAME]; those that are too quiet to tell anything are left out."""
        loud = frames[np.mean(frames * frames, axis=1) > _AUDIBLE]
        if not len(loud):
            return
        transformed = np.fft.rfft(loud * _WINDOW)
        power = (transformed.real**2 + transformed.imag**2).astype(np.float32)
        self._power += power.sum(axis=0, dtype=np.float64)
        self._frames += len(loud)
        log_power = np.log(power + 1e-9)
        for mirror in self._mirrors.values():
            mirror.add(log_power)

    @property
    def lower_rate(self) -> int | None:
        """The rate that the recording was converted from, in Hz, within a tenth; None if nothing speaks for one."""
        if self._frames < _LEAST_FRAMES:
            return None
        for rate, mirror in self._mirrors.items():
            if self._cliff(rate / 2) > _CLIFF or mirror.likeness > _LIKENESS:
                return rate
        return None

    def _cliff(self, edge: float) -> float:
        """How far in dB everything above a frequency lies under what is right below it.

        Below, a tenth is left for the resampler's own slope; above, the loudest frequency counts.
        """
        below = self._power[self._index(0.75 * edge) : self._index(0.9 * edge)]
        above = self._power[self._index(1.05 * edge) : self._index(0.97 * self._nyquist)]
        return float(10 * np.log10(below.mean() / max(above.max(), 1e-12)))

    def _mirror(self, edge: float) -> _Mirror:
        distances = np.arange(_NEAR, _FAR, self._bin)
        return _Mirror(*(np.rint((edge + sign * distances) / self._bin).astype(np.intp) for sign in (-1, 1)))

    def _index(self, frequency: float) -> int:
        return round(frequency / self._bin)
