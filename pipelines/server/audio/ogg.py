"""Ogg Opus, decoded as it arrives: pages (RFC 3533), packets, and libavcodec's Opus decoder (mapping: RFC 7845)."""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np

from pipelines.server.audio.format import NO_SAMPLES, AudioFormat, Encoding, Samples
from pipelines.server.errors import InvalidFormat

__all__ = ["OggOpusDecoder"]

_PAGE_HEADER = 27
_END_OF_STREAM = 4
_OPUS_RATE = 48_000  # granule positions and decoded samples are always at 48 kHz


@dataclass(frozen=True)
class _Page:
    """One page: the packets that end on it, and the position of the last sample that they hold."""

    packets: list[bytes]
    position: int
    last: bool


class _Pages:
    """Cuts bytes into pages and joins packets that go over page borders; other logical streams are left out."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._partial = b""
        self._serial: bytes | None = None

    def feed(self, data: bytes) -> Iterator[_Page]:
        self._data += data
        while (page := self._next()) is not None:
            yield page

    def _next(self) -> _Page | None:
        while len(self._data) >= _PAGE_HEADER:
            if self._data[:4] != b"OggS":
                raise InvalidFormat("The Ogg audio is damaged: no page begins where one should.")
            lacing_end = _PAGE_HEADER + self._data[26]
            lacing = bytes(self._data[_PAGE_HEADER:lacing_end])
            size = lacing_end + sum(lacing)
            if len(self._data) < max(size, lacing_end):
                return None
            page = bytes(self._data[:size])
            del self._data[:size]
            self._serial = self._serial or page[14:18]
            if page[14:18] == self._serial:
                position = int.from_bytes(page[6:14], "little", signed=True)
                return _Page(self._packets(page, lacing_end, lacing), position, bool(page[5] & _END_OF_STREAM))
        return None

    def _packets(self, page: bytes, at: int, lacing: bytes) -> list[bytes]:
        packets = []
        for length in lacing:
            self._partial += page[at : at + length]
            at += length
            if length < 255:
                packets.append(self._partial)
                self._partial = b""
        return packets


class OggOpusDecoder:
    """Decodes an Ogg Opus file from pieces; the samples are at 48 kHz whatever the encoder was given."""

    def __init__(self) -> None:
        self.format: AudioFormat | None = None
        self._pages = _Pages()
        self._headers = 0  # OpusHead, then OpusTags
        self._pre_skip = 0
        self._decoded = 0
        self._decoder: av.AudioCodecContext | None = None

    def feed(self, data: bytes) -> Samples:
        """Samples of the pages that are complete now.

        Raises:
            InvalidFormat: Not Ogg Opus, or damaged.
        """
        pieces = []
        for page in self._pages.feed(data):
            samples = [self._decode(packet) for packet in page.packets if self._is_audio(packet)]
            if samples:
                pieces.append(self._trimmed(np.concatenate(samples), page))
        return np.concatenate(pieces) if pieces else NO_SAMPLES

    def finish(self) -> Samples:
        if self._decoder is None:
            raise InvalidFormat("The Ogg audio ends before its Opus header.")
        return NO_SAMPLES  # a page that was cut off holds no packet that can be trusted

    def _is_audio(self, packet: bytes) -> bool:
        if self._headers == 0:
            self._open(packet)
        self._headers += self._headers < 3
        return self._headers == 3

    def _open(self, head: bytes) -> None:
        if not head.startswith(b"OpusHead") or len(head) < 19:
            raise InvalidFormat(f"The Ogg stream starts with {head[:8]!r}; only Opus is understood in Ogg.")
        self.format = AudioFormat(Encoding.OGGOPUS, _OPUS_RATE, head[9])
        self._pre_skip = int.from_bytes(head[10:12], "little")
        self._decoder = av.AudioCodecContext.create("opus", "r")
        self._decoder.extradata = head  # the decoder drops pre-skip and applies the output gain itself

    def _decode(self, packet: bytes) -> Samples:
        assert self._decoder is not None
        try:
            frames = self._decoder.decode(av.Packet(packet)) if packet else []
        except av.FFmpegError as error:
            raise InvalidFormat(f"The Opus audio is damaged: {error.strerror}.") from error
        pieces = [frame.to_ndarray()[0] for frame in frames]
        return np.concatenate(pieces).astype(np.float32, copy=False) if pieces else NO_SAMPLES

    def _trimmed(self, samples: Samples, page: _Page) -> Samples:
        """Cuts the padding of the last packet: the position of the last page counts only what is to be heard."""
        self._decoded += len(samples)
        padding = self._decoded - (page.position - self._pre_skip)
        return samples[: len(samples) - padding] if page.last and 0 < padding <= len(samples) else samples
