"""FLAC, decoded as it arrives.

The decoder is libavcodec's. Its own parser waits for ten frames before it lets one go, two and a half seconds at 16
kHz; hence the small splitter here, which lets a frame go as soon as the next one begins. A frame begins where a
header parses, has the right checksum and carries the number that comes next (RFC 9639, section 9.1).
"""

from dataclasses import dataclass

import av
import numpy as np

from pipelines.server.audio.format import NO_SAMPLES, AudioFormat, Encoding, Samples
from pipelines.server.errors import InvalidFormat

__all__ = ["FlacDecoder"]

_STREAMINFO_BYTES = 34
# Pictures may be embedded; more metadata than this is not audio.
_LONGEST_METADATA = 16 << 20
# Samples that do not compress are stored as they are, with this much around them at most.
_HEADROOM = 256


def _crc8_table() -> bytes:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
        table.append(byte)
    return bytes(table)


_CRC8 = _crc8_table()


class _NeedMore(Exception):
    """The header is cut by the end of the data."""


@dataclass(frozen=True)
class _FrameHeader:
    """What tells one frame from the next: its number (of the frame, or of its first sample) and its samples."""

    number: int
    samples: int
    variable: bool

    @property
    def following(self) -> int:
        """The number of the next frame."""
        return self.number + (self.samples if self.variable else 1)


class FlacDecoder:
    """Decodes a FLAC file from pieces."""

    def __init__(self) -> None:
        self.format: AudioFormat | None = None
        self._data = bytearray()
        self._searched = 0  # no frame begins before this offset, except at 0
        self._frame: _FrameHeader | None = None  # of the frame at offset 0
        self._decoder: av.AudioCodecContext | None = None

    def feed(self, data: bytes) -> Samples:
        """Samples of the frames that are complete now.

        Raises:
            InvalidFormat: Not FLAC, or damaged.
        """
        self._data += data
        if self._decoder is None and not self._read_metadata():
            return NO_SAMPLES
        frames = []
        while (end := self._end_of_frame()) is not None:
            frames.append(self._decode(bytes(self._data[:end])))
            del self._data[:end]
        return np.concatenate(frames) if frames else NO_SAMPLES

    def finish(self) -> Samples:
        """Samples of the last frame; a frame that was cut off in the middle is left out."""
        if self._decoder is None:
            raise InvalidFormat(f"The FLAC metadata is cut off: the audio ends after {len(self._data)} bytes.")
        if not self._data:
            return NO_SAMPLES
        try:
            return self._decode(bytes(self._data))
        except InvalidFormat:
            return NO_SAMPLES

    def _read_metadata(self) -> bool:
        at, streaminfo = 4, b""
        while len(self._data) >= at + 4:
            last, kind = self._data[at] & 0x80, self._data[at] & 0x7F
            size = int.from_bytes(self._data[at + 1 : at + 4], "big")
            if at + size > _LONGEST_METADATA:
                raise InvalidFormat("The FLAC file has more than 16 MB of metadata before its audio.")
            if len(self._data) < at + 4 + size:
                return False
            if kind == 0:
                streaminfo = bytes(self._data[at + 4 : at + 4 + size])
            at += 4 + size
            if last:
                self._open(streaminfo)
                del self._data[:at]
                return True
        return False

    def _open(self, streaminfo: bytes) -> None:
        if len(streaminfo) != _STREAMINFO_BYTES:
            raise InvalidFormat("The FLAC file has no STREAMINFO block.")
        packed = int.from_bytes(streaminfo[10:14], "big")  # bits: 20 of rate, 3 of channels - 1, 5 of bits - 1, 4 more
        self.format = AudioFormat(Encoding.FLAC, packed >> 12, (packed >> 9 & 7) + 1, (packed >> 4 & 31) + 1)
        self._decoder = av.AudioCodecContext.create("flac", "r")
        self._decoder.extradata = streaminfo

    def _end_of_frame(self) -> int | None:
        """The offset at which the second frame begins, or None if it has not arrived."""
        if self._frame is None:
            try:
                self._frame = _parse_frame_header(self._data, 0)
            except _NeedMore:
                return None
            if self._frame is None:
                raise InvalidFormat("The FLAC audio is damaged: no frame begins where one should.")
        at = max(self._searched, 2)
        while (at := self._data.find(b"\xff", at)) >= 0:
            try:
                header = _parse_frame_header(self._data, at)
            except _NeedMore:
                break
            if header is not None and header.number == self._frame.following:
                self._frame, self._searched = header, 0
                return at
            at += 1
        self._searched = at if at >= 0 else len(self._data)
        assert self.format is not None
        if len(self._data) > _HEADROOM + self._frame.samples * self.format.channels * ((self.format.bits + 7) // 8):
            raise InvalidFormat("The FLAC audio is damaged: a frame is longer than its samples.")
        return None

    def _decode(self, frame: bytes) -> Samples:
        assert self._decoder is not None
        try:
            decoded = self._decoder.decode(av.Packet(frame))
        except av.FFmpegError as error:
            raise InvalidFormat(f"The FLAC audio is damaged: {error.strerror}.") from error
        pieces = [f.to_ndarray().ravel() for f in decoded]
        if not pieces:
            return NO_SAMPLES
        samples = np.concatenate(pieces)
        scaled: Samples = np.multiply(samples, np.float32(1 / (np.iinfo(samples.dtype).max + 1)), dtype=np.float32)
        return scaled


def _parse_frame_header(data: bytearray, at: int) -> _FrameHeader | None:
    """The frame header at an offset; None if there is none.

    Raises:
        _NeedMore: It could be one, but is cut off.
    """

    def byte(offset: int) -> int:
        if at + offset >= len(data):
            raise _NeedMore
        return data[at + offset]

    if byte(0) != 0xFF or byte(1) & 0xFE != 0xF8:
        return None
    block, rate = byte(2) >> 4, byte(2) & 15
    if block == 0 or rate == 15 or byte(3) >> 4 > 10 or byte(3) & 1:
        return None
    ones = 8 - (byte(4) ^ 0xFF).bit_length()  # the number is coded as in UTF-8, up to seven bytes
    if ones in (1, 8):
        return None
    number, size = byte(4) & (0x7F >> ones), 5
    for _ in range(ones - 1):
        if byte(size) >> 6 != 2:
            return None
        number, size = number << 6 | byte(size) & 63, size + 1
    if block == 6:
        samples, size = byte(size) + 1, size + 1
    elif block == 7:
        samples, size = (byte(size) << 8 | byte(size + 1)) + 1, size + 2
    else:
        samples = 192 if block == 1 else 576 << (block - 2) if block < 6 else 256 << (block - 8)
    size += 1 if rate == 12 else 2 if rate in (13, 14) else 0
    crc = 0
    for offset in range(size):
        crc = _CRC8[crc ^ byte(offset)]
    return _FrameHeader(number, samples, bool(byte(1) & 1)) if crc == byte(size) else None
