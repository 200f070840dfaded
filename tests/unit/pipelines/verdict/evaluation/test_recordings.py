"""What is known of a recording after one pass."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipelines.verdict.evaluation.recordings import UnreadableRecording, read_recording
from tests.unit.pipelines.verdict.evaluation_sets import RATE, as_int16, speech


def written(path: Path, samples: np.ndarray, **more: object) -> Path:
    soundfile.write(path, samples, RATE, **more)
    return path


@pytest.mark.parametrize(
    ("name", "subtype", "lossless"),
    [
        ("a.wav", "PCM_16", True),
        ("a.wav", "PCM_24", True),
        ("a.wav", "FLOAT", True),
        ("a.flac", "PCM_16", True),
        ("a.wav", "ULAW", False),
        ("a.wav", "IMA_ADPCM", False),
        ("a.ogg", "VORBIS", False),
        ("a.ogg", "OPUS", False),
        ("a.mp3", "MPEG_LAYER_III", False),
    ],
)
def test_lossy_codings_are_known(tmp_path: Path, name: str, subtype: str, lossless: bool) -> None:
    """The coding counts, not the suffix: a WAV may hold a telephone's u-law."""
    assert read_recording(written(tmp_path / name, speech(), subtype=subtype)).lossless is lossless


def test_length_and_loudness(tmp_path: Path) -> None:
    """Seconds, the largest sample, and the share of silence."""
    samples = np.concatenate([speech(1.0), np.zeros(RATE, np.float32)])

    recording = read_recording(written(tmp_path / "a.wav", samples))

    assert recording.seconds == 2.0
    assert recording.peak == pytest.approx(0.5, abs=0.01)
    assert recording.silence == pytest.approx(0.5, abs=0.02)


def test_copies_are_told_by_file_and_by_content(tmp_path: Path) -> None:
    """The same samples in another format have another file digest and the same content digest."""
    sound = as_int16(speech())
    wav, flac = written(tmp_path / "a.wav", sound), written(tmp_path / "a.flac", sound)
    other = written(tmp_path / "b.wav", as_int16(speech(seed=1)))

    first, second, third = map(read_recording, (wav, flac, other))

    assert first.sha256 != second.sha256
    assert first.content_sha256 == second.content_sha256 != third.content_sha256


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513, 65_536, 65_537, 131_500])
def test_any_length_is_read_whole(tmp_path: Path, samples: int) -> None:
    """Blocks and frames meet at every length; none is lost and none counted twice."""
    sound = speech(10.0)[:samples]

    recording = read_recording(written(tmp_path / "a.wav", sound, subtype="FLOAT"))

    assert recording.seconds == samples / RATE
    assert recording.silence == 0.0


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """Ten minutes are read in blocks of four seconds."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(60):
            file.write(speech(10.0))
    tracemalloc.start()

    recording = read_recording(path)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert recording.seconds == 600.0
    assert peak < 12 << 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"not audio", "."),
        (b"", "."),
    ],
    ids=["missing", "lfs-pointer", "not-audio", "empty"],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes | None, message: str) -> None:
    """Missing, not pulled, or no audio at all."""
    path = tmp_path / "a.flac"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UnreadableRecording, match=message):
        read_recording(path)
