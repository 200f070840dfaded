"""What audio says about itself, and what a request says about it."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.server.errors import BitsPerSample, ChannelCount, FormatMismatch, InvalidFormat

__all__ = ["NO_SAMPLES", "AudioFormat", "Declared", "Decoder", "Encoding", "Samples"]

Samples = NDArray[np.float32]
NO_SAMPLES: Samples = np.zeros(0, np.float32)

# Below 4 kHz no speech is left; above 192 kHz there are no microphones. A header outside of this is damaged.
LOWEST_RATE, HIGHEST_RATE = 4000, 192_000


class Encoding(Enum):
    """Encodings by their number in `nvidia.riva.AudioEncoding`."""

    UNSPECIFIED = 0
    LINEAR_PCM = 1
    FLAC = 2
    MULAW = 3
    OGGOPUS = 4
    ALAW = 20


@dataclass(frozen=True)
class AudioFormat:
    """The format of audio, from its header or from the request.

    Attributes:
        rate: Hz.
        bits: Bits of a PCM sample; 16 for what is decoded to more.
    """

    encoding: Encoding
    rate: int
    channels: int = 1
    bits: int = 16

    def __str__(self) -> str:
        return (
            f"encoding = {self.encoding.value} {self.encoding.name} numchannels = {self.channels} "
            f"samplerate = {self.rate} bitspersample = {self.bits}"
        )


@dataclass(frozen=True)
class Declared:
    """What the configuration of a call says about its audio; zeros where it says nothing."""

    encoding: Encoding = Encoding.UNSPECIFIED
    rate: int = 0
    channels: int = 0

    def check(self, found: AudioFormat) -> None:
        """Compares with the format of the audio itself.

        Raises:
            ChannelCount: More than one channel.
            BitsPerSample: PCM other than 8 or 16 bits.
            FormatMismatch: The two disagree.
            InvalidFormat: The rate makes no sense.
        """
        if found.channels != 1:
            raise ChannelCount(found.channels)
        if found.bits not in (8, 16):
            raise BitsPerSample(found.bits)
        if self.encoding not in (Encoding.UNSPECIFIED, found.encoding):
            raise FormatMismatch(what="encoding", declared=self.encoding.name, found=found.encoding.name)
        # Opus has no rate of its own: any Ogg Opus file decodes to any rate, whatever its header remembers.
        if found.encoding is not Encoding.OGGOPUS and self.rate not in (0, found.rate):
            raise FormatMismatch(what="sample_rate_hertz", declared=self.rate, found=found.rate)
        if not LOWEST_RATE <= found.rate <= HIGHEST_RATE:
            raise InvalidFormat(f"A sample rate of {found.rate} Hz is outside {LOWEST_RATE} to {HIGHEST_RATE} Hz.")


class Decoder(Protocol):
    """Decodes one encoding from bytes that arrive in arbitrary pieces.

    Attributes:
        format: What the header says; None until it has arrived.
    """

    format: AudioFormat | None

    def feed(self, data: bytes) -> Samples:
        """The samples that can be decoded now, float32 in [-1, 1] at the rate of the audio."""
        ...

    def finish(self) -> Samples:
        """What was still held back when the audio ended, perhaps in the middle of something."""
        ...
