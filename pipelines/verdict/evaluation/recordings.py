"""What a recording is: its format, its sound, and digests that tell copies; read in one pass and constant memory."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pipelines.verdict.evaluation.spectrum import FRAME, HOP, Spectrum

__all__ = ["Recording", "UnreadableRecording", "read_recording"]

_BLOCK = 1 << 16  # samples: 4 s at 16 kHz
_LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")
_LFS_POINTER = b"version https://git-lfs"
_SILENT_DB = 40.0  # below the loudest twentieth of the frames


class UnreadableRecording(Exception):
    """A recording is not there, or no audio that can be decoded."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a recording is.

    Args:
        container: In libsndfile's words: FLAC, WAV, OGG.
        coding: In libsndfile's words: PCM_16, ULAW, VORBIS.
        rate: In Hz.
        channels: How many.
        seconds: Its length.
        peak: The largest sample, of 1.
        silence: The share of it that is silent, of 1.
        lower_rate: The sample rate that it was converted from, in Hz; None if nothing speaks for one.
        sha256: Of the file.
        content_sha256: Of the decoded samples, whatever the format.
    """

    container: str
    coding: str
    rate: int
    channels: int
    seconds: float
    peak: float
    silence: float
    lower_rate: int | None
    sha256: str
    content_sha256: str

    @property
    def lossless(self) -> bool:
        """Whether the coding keeps every sample."""
        return self.coding.startswith(_LOSSLESS)


def read_recording(path: Path) -> Recording:
    """Reads a recording.

    Raises:
        UnreadableRecording: It is missing, a Git LFS pointer, or nothing that libsndfile decodes.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(_LFS_POINTER)) == _LFS_POINTER:
                raise UnreadableRecording("it is a Git LFS pointer: run `git lfs pull`")
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            with soundfile.SoundFile(stream) as audio:
                return _read(audio, digest)
    except OSError as error:
        raise UnreadableRecording(error.strerror or str(error)) from error
    except soundfile.LibsndfileError as error:
        raise UnreadableRecording(str(error.error_string)) from error


def _read(audio: soundfile.SoundFile, digest: str) -> Recording:
    content = hashlib.sha256()
    spectrum, powers, peak = Spectrum(audio.samplerate), [], 0.0
    for samples, frames in _framed(audio):
        content.update(samples.tobytes())
        peak = max(peak, float(np.abs(samples).max(initial=0.0)))
        powers.append(np.mean(frames * frames, axis=1))
        spectrum.add(frames)
    return Recording(
        container=audio.format,
        coding=audio.subtype,
        rate=audio.samplerate,
        channels=audio.channels,
        seconds=audio.frames / audio.samplerate,
        peak=peak,
        silence=_silence(np.concatenate(powers) if powers else np.zeros(0, np.float32)),
        lower_rate=spectrum.lower_rate,
        sha256=digest,
        content_sha256=f"{audio.samplerate}:{content.hexdigest()}",
    )


def _framed(audio: soundfile.SoundFile) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yields blocks of samples of the first channel, each with the frames that end in it."""
    carried = np.zeros(0, np.float32)
    for block in audio.blocks(_BLOCK, dtype="float32", always_2d=True):
        samples = np.ascontiguousarray(block[:, 0])
        joined = np.concatenate([carried, samples])
        if len(joined) < FRAME:
            carried = joined
            yield samples, np.zeros((0, FRAME), np.float32)
            continue
        frames = np.lib.stride_tricks.sliding_window_view(joined, FRAME)[::HOP]
        carried = joined[len(frames) * HOP :]
        yield samples, frames


def _silence(powers: NDArray[np.float32]) -> float:
    """The share of frames far below the loudest ones; 0 where there is no frame."""
    if not len(powers):
        return 0.0
    loud = np.quantile(powers, 0.95)
    return float(np.mean(powers < loud * 10 ** (-_SILENT_DB / 10)))
