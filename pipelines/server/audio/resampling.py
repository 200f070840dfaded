"""From the rate of the audio to the rate of the model, piece by piece."""

import numpy as np
import soxr

from pipelines.server.audio.format import Samples

__all__ = ["Resampler"]

# What NeMo resamples with (librosa's default), so that a file sounds here as it did in training. Its filter holds back
# at most 40 ms.
QUALITY = "HQ"


class Resampler:
    """A stream of samples at another rate; the pieces joined equal the whole resampled at once.

    Args:
        source: Hz of the samples that go in.
        target: Hz of the samples that come out.
    """

    def __init__(self, source: int, target: int) -> None:
        self._stream = None if source == target else soxr.ResampleStream(source, target, 1, "float32", QUALITY)

    def feed(self, samples: Samples, *, last: bool = False) -> Samples:
        """The next samples; with `last` also those that the filter held back."""
        if self._stream is None:
            return samples
        resampled: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=last)
        return resampled
