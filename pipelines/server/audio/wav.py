"""WAV: RIFF chunks around fixed-size samples, read as a stream.

Format tags and the layout of WAVE_FORMAT_EXTENSIBLE: "Multiple Channel Audio Data and WAVE Files", Microsoft, 2001.
Sizes in the header are only believed where they can be true: programs that write to a pipe cannot go back, and leave
0, 0x7FFFFFFF or 0xFFFFFFFF there.
"""

import struct

from pipelines.server.audio.format import NO_SAMPLES, AudioFormat, Encoding, Samples
from pipelines.server.audio.pcm import PcmDecoder
from pipelines.server.errors import BitsPerSample, InvalidFormat

__all__ = ["WavDecoder"]

_EXTENSIBLE = 0xFFFE
_ENCODINGS = {1: Encoding.LINEAR_PCM, 6: Encoding.ALAW, 7: Encoding.MULAW}
_FLOAT = 3
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_OPEN_SIZE = 0x7FFFF000  # bytes; sizes from here on, and 0, stand for "not known yet"
# What writers put behind the samples; anything else there is audio that the header did not know of.
_TRAILERS = {b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"smpl", b"PEAK", b"fact", b"JUNK", b"iXML", b"_PMX", b"axml"}
# Headers are some hundred bytes; this much without samples is not one.
_LONGEST_HEADER = 1 << 20


class WavDecoder:
    """Decodes a WAV file from pieces."""

    def __init__(self) -> None:
        self.format: AudioFormat | None = None
        self._pending = b""
        self._pcm: PcmDecoder | None = None
        self._left: int | None = None  # bytes until the declared end of the samples; None if the size is open
        self._over = False

    def feed(self, data: bytes) -> Samples:
        """Samples decoded from the next piece.

        Raises:
            InvalidFormat: Not a WAV file that can be read.
            BitsPerSample: Floating point or other widths than 8 and 16 bits.
        """
        if self._over:
            return NO_SAMPLES
        data = self._pending + data if self._pending else data
        self._pending = b""
        if self._pcm is None:
            start = self._read_header(data)
            if start is None:
                self._pending = data
                return NO_SAMPLES
            data = data[start:]
        return self._samples(data)

    @property
    def missing(self) -> int:
        """Bytes that the header promises and that have not come."""
        return self._left or 0

    def finish(self) -> Samples:
        """Samples whose nature was still open.

        Raises:
            InvalidFormat: The file ended within its header.
        """
        if self._pcm is None:
            raise InvalidFormat(f"The WAV header is cut off: the audio ends after {len(self._pending)} bytes.")
        return NO_SAMPLES  # fewer bytes than a chunk header behind the samples: padding

    def _read_header(self, data: bytes) -> int | None:
        """The offset of the first sample, or None if more bytes are needed."""
        if len(data) < 12:
            return None
        if data[8:12] != b"WAVE":
            raise InvalidFormat(f"A RIFF file of type {data[8:12]!r} is not WAV.")
        at, audio_format = 12, None
        while len(data) >= at + _CHUNK.size:
            name, size = _CHUNK.unpack_from(data, at)
            body = at + _CHUNK.size
            if name == b"data":
                if audio_format is None:
                    raise InvalidFormat("The WAV file has samples before its format.")
                self.format, self._pcm = audio_format, PcmDecoder(audio_format)
                self._left = size if 0 < size < _OPEN_SIZE else None
                return body
            if body + size > _LONGEST_HEADER:
                raise InvalidFormat(f"The WAV file has a chunk {name!r} of {size} bytes before its samples.")
            if len(data) < body + size:
                return None
            if name == b"fmt ":
                audio_format = _parse_format(data[body : body + size])
            at = body + size + size % 2
        return None

    def _samples(self, data: bytes) -> Samples:
        assert self._pcm is not None
        if self._left is None:
            return self._pcm.feed(data)
        if len(data) <= self._left:
            self._left -= len(data)
            return self._pcm.feed(data)
        inside, beyond = data[: self._left], data[self._left :]
        if len(beyond) < _CHUNK.size:  # too little to tell metadata from samples
            self._left, self._pending = 0, beyond
            return self._pcm.feed(inside)
        if beyond[:4] in _TRAILERS or beyond[1:5] in _TRAILERS:  # chunks start at even offsets
            self._over = True
            return self._pcm.feed(inside)
        self._left = None  # the header was written before the audio was known
        return self._pcm.feed(data)


def _parse_format(body: bytes) -> AudioFormat:
    if len(body) < _FORMAT.size:
        raise InvalidFormat(f"The WAV format chunk has {len(body)} bytes; at least {_FORMAT.size} are needed.")
    tag, channels, rate, _, _, bits = _FORMAT.unpack_from(body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = int.from_bytes(body[24:26], "little")  # the sub-format GUID starts with the plain tag
    if tag == _FLOAT:
        raise BitsPerSample(bits)
    if tag not in _ENCODINGS:
        raise InvalidFormat(f"WAV format tag {tag:#06x} is not understood; PCM, A-law and mu-law are.")
    encoding = _ENCODINGS[tag]
    if bits not in (8, 16) or (encoding is not Encoding.LINEAR_PCM and bits != 8):
        raise BitsPerSample(bits)
    return AudioFormat(encoding, rate, channels, bits)
