"""The audio of one call: finds out what it is, decodes it, and brings it to the model's rate."""

import numpy as np

from pipelines.server.audio.flac import FlacDecoder
from pipelines.server.audio.format import NO_SAMPLES, AudioFormat, Declared, Decoder, Encoding, Samples
from pipelines.server.audio.ogg import OggOpusDecoder
from pipelines.server.audio.pcm import PcmDecoder
from pipelines.server.audio.resampling import Resampler
from pipelines.server.audio.wav import WavDecoder
from pipelines.server.errors import InvalidFormat

__all__ = ["AudioReader"]

_MAGIC_BYTES = 4
_DECODERS: dict[bytes, type[WavDecoder] | type[FlacDecoder] | type[OggOpusDecoder]] = {
    b"RIFF": WavDecoder,
    b"RF64": WavDecoder,  # WAV beyond 4 GB: the same chunks, all sizes open
    b"fLaC": FlacDecoder,
    b"OggS": OggOpusDecoder,
}
_RAW_BITS = {Encoding.LINEAR_PCM: 16, Encoding.MULAW: 8, Encoding.ALAW: 8}


class AudioReader:
    """Decodes the audio of one call from pieces of any size.

    Args:
        declared: What the request says about its audio.
        rate: Hz that the model takes.

    Attributes:
        format: The format found; None until enough has arrived to tell.
        seconds: Length of the audio decoded so far.
    """

    def __init__(self, declared: Declared, rate: int) -> None:
        self.format: AudioFormat | None = None
        self._declared, self._rate = declared, rate
        self._start = b""
        self._decoder: Decoder | None = None
        self._resampler: Resampler | None = None
        self._samples = 0

    @property
    def seconds(self) -> float:
        return self._samples / self.format.rate if self.format else 0.0

    @property
    def missing(self) -> int:
        """Bytes that the audio's header promises and that have not come."""
        return self._decoder.missing if isinstance(self._decoder, WavDecoder) else 0

    @property
    def only_copies(self) -> bool:
        """Whether decoding is known to cost next to nothing: linear PCM at the model's rate."""
        known = self.format
        return known is not None and known.encoding is Encoding.LINEAR_PCM and known.rate == self._rate

    def feed(self, data: bytes) -> Samples:
        """Decodes the next piece.

        Returns:
            float32 samples in [-1, 1], mono, at the model's rate; perhaps none yet.

        Raises:
            RequestRejected: The audio cannot be read, or is not what the request says.
        """
        if self._decoder is None:
            data = self._start + data
            if len(data) < _MAGIC_BYTES:
                self._start = data
                return NO_SAMPLES
            self._decoder = self._choose_decoder(data[:_MAGIC_BYTES])
        return self._resampled(self._decoder.feed(data))

    def finish(self) -> Samples:
        """Decodes what was held back; to be called once, when the audio is over."""
        if self._decoder is None and not self._start:
            return NO_SAMPLES  # no audio at all is no mistake
        head = NO_SAMPLES
        if self._decoder is None:
            self._decoder = self._choose_decoder(self._start)
            head = self._resampled(self._decoder.feed(self._start))
        return np.concatenate([head, self._resampled(self._decoder.finish(), last=True)])

    def _resampled(self, samples: Samples, *, last: bool = False) -> Samples:
        assert self._decoder is not None
        if self._resampler is None:
            if self._decoder.format is None:
                return NO_SAMPLES
            self._declared.check(self._decoder.format)
            self.format = self._decoder.format
            self._resampler = Resampler(self.format.rate, self._rate)
        self._samples += len(samples)
        return self._resampler.feed(samples, last=last)

    def _choose_decoder(self, magic: bytes) -> Decoder:
        encoding, rate = self._declared.encoding, self._declared.rate
        if magic in _DECODERS:
            return _DECODERS[magic]()
        if encoding in (Encoding.FLAC, Encoding.OGGOPUS):
            raise InvalidFormat(f"The request declares {encoding.name}, but the audio starts with {magic!r}.")
        if encoding is Encoding.UNSPECIFIED:
            raise InvalidFormat(
                f"The audio starts with {magic!r}, which is not WAV, FLAC or Ogg. For audio without a header set "
                "encoding (LINEAR_PCM, MULAW or ALAW) and sample_rate_hertz."
            )
        if not rate:
            raise InvalidFormat(f"{encoding.name} audio without a header needs sample_rate_hertz.")
        return PcmDecoder(AudioFormat(encoding, rate, self._declared.channels or 1, _RAW_BITS[encoding]))
