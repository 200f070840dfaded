"""A recording that was converted from a lower sample rate is recognised, and no other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from pipelines.verdict.evaluation.spectrum import FRAME, HOP, Spectrum
from tests.unit.pipelines.verdict.evaluation_sets import RATE, Samples, converted, speech

SAMPLE = Path(__file__).parents[5] / "checkpoints" / "asr-en-US-commands" / "evaluation"


def lower_rate(samples: Samples, rate: int = RATE) -> int | None:
    spectrum = Spectrum(rate)
    spectrum.add(np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP])
    return spectrum.lower_rate


def recordings() -> Iterator[Samples]:
    """A few real ones: they are not noise, and each is another voice."""
    for number in (0, 17, 42, 117):
        yield soundfile.read(SAMPLE / f"{number:03}.flac", dtype="float32")[0]


@pytest.mark.parametrize("lower", [8000, 11025, 12000])
@pytest.mark.parametrize("how", ["VHQ", "HQ", "LQ"])
def test_band_limited_conversion_leaves_a_cliff(lower: int, how: str) -> None:
    """Whatever the quality of the resampler, nothing is above the old Nyquist; the old rate is told within a tenth."""
    told = [lower_rate(converted(samples, lower=lower, how=how)) for samples in recordings()]

    assert told == pytest.approx([lower] * len(told), rel=0.1)


@pytest.mark.parametrize("how", ["QQ", "linear"])
def test_interpolation_leaves_a_mirror_image(how: str) -> None:
    """Cubic and linear interpolation fill the upper half with a reflection of the lower."""
    assert {lower_rate(converted(samples, lower=8000, how=how)) for samples in recordings()} == {8000}


def test_recordings_are_what_they_say() -> None:
    """No recording at its own rate is suspected, however little hiss its voice has."""
    assert {lower_rate(samples) for samples in recordings()} == {None}
    assert lower_rate(speech()) is None


def test_a_lower_rate_is_recognised_at_48_khz_too() -> None:
    """What matters is the old rate, not the new one."""
    samples = soxr.resample(speech(4.0), RATE, 48_000)

    assert lower_rate(np.asarray(samples, np.float32), rate=48_000) == 16_000


@pytest.mark.parametrize(
    "samples", [np.zeros(RATE, np.float32), speech(0.1), 1e-5 * speech()], ids=["silence", "short", "quiet"]
)
def test_too_little_sound_says_nothing(samples: Samples) -> None:
    """Nothing is claimed about a recording that holds next to nothing."""
    assert lower_rate(samples) is None
