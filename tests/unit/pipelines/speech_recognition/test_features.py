"""The features are NeMo's, whole or in pieces."""

import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipelines.speech_recognition import features
from pipelines.speech_recognition.features import (
    FeatureSettings,
    FeatureStream,
    MelSpectrogram,
    Normalizer,
    UnsupportedFeatures,
)

GOLDEN = Path(__file__).parents[3] / "assets" / "features"
CASES = yaml.safe_load((GOLDEN / "cases.yaml").read_text())
# NeMo transforms in float32, ours in float64: bands far below a tone differ in the fourth digit of their logarithm.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN / "golden.npz") as arrays:
        return dict(arrays)


def signal(golden, case):
    return golden["pcm"][: case.get("samples")].astype(np.float32) / 32768


@pytest.mark.parametrize("name", CASES)
def test_frames_are_those_of_nemo(golden, name):
    """Number of frames and every value equal what NeMo's preprocessor recorded."""
    settings = FeatureSettings.from_nemo(CASES[name]["preprocessor"])

    frames = Normalizer(settings)(MelSpectrogram(settings)(signal(golden, CASES[name])))

    assert frames.shape == golden[name].shape
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames, golden[name], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("piece", [1, 100, 159, 160, 161, 401, 2560])
def test_pieces_give_the_frames_of_the_whole(golden, piece):
    """Each frame comes once, and only when its samples are there, whatever the pieces."""
    settings = FeatureSettings(window=400, features=24)
    mel, audio = MelSpectrogram(settings), golden["pcm"].astype(np.float32) / 32768
    stream, frames = FeatureStream(mel), []
    for first in range(0, len(audio), piece):
        frames.append(stream.append(audio[first : first + piece]))
        complete = (stream.samples + mel.lead - settings.window) // settings.hop + 1
        assert stream.count == max(0, complete)
    frames.append(stream.finish())

    np.testing.assert_allclose(np.concatenate(frames), mel(audio), atol=1e-5)


@pytest.mark.parametrize(("free", "working"), [(1, 1), (2, 2), (8, 3)])
def test_free_cores_share_the_frames_of_a_recording(monkeypatch, free, working):
    """As many threads as cores are free, three at most, compute frames; these are those of one thread."""
    settings = FeatureSettings(window=400)
    audio = np.random.default_rng(0).standard_normal(5 * settings.sample_rate, np.float32)
    expected = MelSpectrogram(settings)(audio)
    all_at_work, names, transform = threading.Barrier(working), set(), np.fft.rfft

    def recorded(*values):
        name = threading.current_thread().name
        if name not in names:
            names.add(name)
            all_at_work.wait(timeout=10)
        return transform(*values)

    monkeypatch.setattr(features, "_free_cores", lambda: free)
    monkeypatch.setattr(np.fft, "rfft", recorded)

    found = MelSpectrogram(settings, threads=3)(audio)

    assert len(names) == working
    np.testing.assert_array_equal(found, expected)


def test_frames_number_samples_by_hop_even_when_windows_are_short():
    """A window shorter than two hops must not bring a frame more than NeMo counts."""
    mel = MelSpectrogram(FeatureSettings(window=160, hop=160, features=8))

    assert [len(mel(np.zeros(samples, np.float32))) for samples in (0, 100, 160, 319, 320)] == [0, 0, 1, 1, 2]


def test_statistics_of_the_stream_equal_those_of_the_whole(golden):
    """Cumulative normalisation over all frames is what NeMo does to the whole utterance."""
    settings = FeatureSettings(window=400, features=24)
    frames = MelSpectrogram(settings)(golden["pcm"].astype(np.float32) / 32768)
    cumulative = Normalizer(settings, cumulative=True)
    for first in range(0, len(frames), 7):
        cumulative.observe(frames[first : first + 7])

    np.testing.assert_allclose(cumulative(frames), Normalizer(settings)(frames), atol=1e-4)


def test_fixed_statistics_are_applied():
    """`fixed_mean` and `fixed_std` of a checkpoint normalise each band."""
    section = {
        "_target_": "AudioToMelSpectrogramPreprocessor",
        "features": 2,
        "normalize": {"fixed_mean": [1, 2], "fixed_std": [2, 4]},
    }

    normalised = Normalizer(FeatureSettings.from_nemo(section))(np.array([[3, 6]], np.float32))

    assert normalised.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("frames", [np.ones((1, 4), np.float32), np.zeros((50, 4), np.float32)], ids=["one", "silent"])
def test_degenerate_frames_stay_finite(frames):
    """One frame, or digital silence, has no deviation; it becomes zero as in NeMo, not NaN."""
    assert Normalizer(FeatureSettings(features=4))(frames).tolist() == np.zeros_like(frames).tolist()


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"_target_": "nemo.collections.asr.modules.AudioToMFCCPreprocessor"}, "AudioToMFCCPreprocessor"),
        ({"frame_splicing": 3}, "frame_splicing = 3"),
        ({"exact_pad": True}, "exact_pad = True"),
        ({"normalize": "per_speaker"}, "normalize = per_speaker"),
    ],
)
def test_other_preprocessors_are_refused(section, complaint):
    """What would change the frames and is not done here is refused by name."""
    with pytest.raises(UnsupportedFeatures, match=complaint):
        FeatureSettings.from_nemo({"_target_": "AudioToMelSpectrogramPreprocessor", **section})
