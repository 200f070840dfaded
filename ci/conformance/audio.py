"""Audio as clients send it: an utterance, silence or noise, in every container, codec and rate of the API."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from ci.conformance.evaluation import Utterance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FORMATS", "AudioSpec", "Encoded", "Format", "encode"]

DEFAULT_RATE = 16000
NOISE_SEED = 7
NOT_AUDIO = b"This is a text, and no amount of decoding will make it speech. " * 64


@dataclass(frozen=True)
class Format:
    """A container and codec by libsndfile's names, and what it is called in `nvidia.riva.AudioEncoding`."""

    container: str
    codec: str
    encoding: str
    header: bool
    bytes_per_sample: int | None = None


#: The names that cases use. Formats without a header name their encoding and rate in the request, the others need not.
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "wav": Format("WAV", "PCM_16", "LINEAR_PCM", header=True),
        "wav-8-bit": Format("WAV", "PCM_U8", "LINEAR_PCM", header=True),
        "wav-24-bit": Format("WAV", "PCM_24", "LINEAR_PCM", header=True),
        "wav-mulaw": Format("WAV", "ULAW", "MULAW", header=True),
        "wav-alaw": Format("WAV", "ALAW", "ALAW", header=True),
        "flac": Format("FLAC", "PCM_16", "FLAC", header=True),
        "ogg-opus": Format("OGG", "OPUS", "OGGOPUS", header=True),
        "pcm": Format("RAW", "PCM_16", "LINEAR_PCM", header=False, bytes_per_sample=2),
        "mulaw": Format("RAW", "ULAW", "MULAW", header=False, bytes_per_sample=1),
        "alaw": Format("RAW", "ALAW", "ALAW", header=False, bytes_per_sample=1),
    }
)


@dataclass(frozen=True)
class AudioSpec:
    """What to send.

    Attributes:
        format: A name of `FORMATS`.
        rate: Samples a second; that of the utterance if None.
        signal: `utterance`, `silence`, `noise`, `nothing` (no byte) or `text` (bytes that are no audio).
        seconds: Length of silence and noise.
        lead: Seconds of silence before an utterance.
        tail: Seconds of silence after it.
        fill: An utterance is repeated until it lasts so many seconds.
        channels: The same signal in each of them.
        keep: The fraction of the encoded bytes that is sent.
        named: Whether the request names encoding and rate; by default where no header does.
    """

    format: str = "wav"
    rate: int | None = None
    signal: str = "utterance"
    seconds: float = 1.0
    lead: float = 0.0
    tail: float = 0.0
    fill: float = 0.0
    channels: int = 1
    keep: float = 1.0
    named: bool | None = None


@dataclass(frozen=True)
class Encoded:
    """Bytes, how long they sound, and the encoding and rate to name in the request (None: let the header speak)."""

    data: bytes
    seconds: float
    encoding: str | None
    rate: int | None
    bytes_per_sample: int | None


@lru_cache(maxsize=512)
def encode(spec: AudioSpec, utterance: Utterance | None) -> Encoded:
    """Makes the bytes of a request."""
    kind = FORMATS[spec.format]
    samples, rate = _signal(spec, utterance)
    if spec.signal == "nothing":
        data = b""
    elif spec.signal == "text":
        data = NOT_AUDIO
    else:
        data = _write(samples, rate, kind, spec.channels)
    data = data[: round(len(data) * spec.keep)]
    named = not kind.header if spec.named is None else spec.named
    encoding, named_rate = (kind.encoding, rate) if named else (None, None)
    return Encoded(data, len(samples) / rate, encoding, named_rate, kind.bytes_per_sample)


def _signal(spec: AudioSpec, utterance: Utterance | None) -> "tuple[NDArray[np.float32], int]":
    import numpy as np

    if spec.signal == "utterance":
        if utterance is None:
            raise ValueError("the case sends an utterance, but none was chosen")
        rate = spec.rate or utterance.rate
        before, after = (np.zeros(round(seconds * rate), np.float32) for seconds in (spec.lead, spec.tail))
        once = _resample(utterance, rate)
        times = max(1, math.ceil(spec.fill * rate / len(once)))
        return np.concatenate([before, np.tile(once, times), after]), rate
    rate = spec.rate or DEFAULT_RATE
    length = round(spec.seconds * rate) if spec.signal in ("silence", "noise") else 0
    if spec.signal == "noise":
        return np.random.default_rng(NOISE_SEED).normal(0, 0.01, length).astype(np.float32), rate
    return np.zeros(length, np.float32), rate


def _resample(utterance: Utterance, rate: int) -> "NDArray[np.float32]":
    if rate == utterance.rate:
        return utterance.samples
    import soxr

    resampled: NDArray[np.float32] = soxr.resample(utterance.samples, utterance.rate, rate)
    return resampled


def _write(samples: "NDArray[np.float32]", rate: int, kind: Format, channels: int) -> bytes:
    import numpy as np
    import soundfile

    file = io.BytesIO()
    frames = np.repeat(samples[:, None], channels, axis=1)
    soundfile.write(file, frames, rate, format=kind.container, subtype=kind.codec, endian="FILE")
    return file.getvalue()
