"""The sound that graphs are compared with."""

import numpy as np

from pipelines.speech_recognition.utterances import DURATIONS, utterances


def test_the_sound_is_always_the_same() -> None:
    """Two exports of one checkpoint are compared on the same samples."""
    assert all(
        np.array_equal(first, second) for first, second in zip(utterances(16000), utterances(16000), strict=True)
    )


def test_lengths_differ_but_for_one_pair() -> None:
    """The first two make a batch without padding, the others one with padding; none is silent or clipped."""
    made = utterances(8000)

    assert [len(samples) / 8000 for samples in made] == list(DURATIONS)
    assert len(made[0]) == len(made[1])
    assert len({len(samples) for samples in made}) == len(made) - 1
    assert all(0.4 < np.abs(samples).max() <= 0.5 and samples.dtype == np.float32 for samples in made)
