"""Samples of a fixed size: linear PCM of 8 and 16 bits, mu-law and A-law (ITU-T G.711)."""

from collections.abc import Callable

import numpy as np

from pipelines.server.audio.format import NO_SAMPLES, AudioFormat, Encoding, Samples

__all__ = ["PcmDecoder"]


def _s16(data: bytes | memoryview) -> Samples:
    return np.multiply(np.frombuffer(data, "<i2"), np.float32(1 / 32768), dtype=np.float32)


def _u8(data: bytes | memoryview) -> Samples:
    return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * np.float32(1 / 128)


def _mulaw_table() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = ((2 * mantissa + 33) << exponent) - 33  # 14 bits
    return (np.where(code & 0x80, -magnitude, magnitude) * 4 / 32768).astype(np.float32)


def _alaw_table() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = np.where(exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0))  # 13 bits
    return (np.where(code & 0x80, magnitude, -magnitude) * 8 / 32768).astype(np.float32)


_MULAW, _ALAW = _mulaw_table(), _alaw_table()

_CONVERSIONS: dict[tuple[Encoding, int], Callable[[bytes | memoryview], Samples]] = {
    (Encoding.LINEAR_PCM, 16): _s16,
    (Encoding.LINEAR_PCM, 8): _u8,
    (Encoding.MULAW, 8): lambda data: _MULAW[np.frombuffer(data, np.uint8)],
    (Encoding.ALAW, 8): lambda data: _ALAW[np.frombuffer(data, np.uint8)],
}


class PcmDecoder:
    """Decodes headerless audio of a known format; a sample cut in two by the network is put together again."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.format: AudioFormat | None = audio_format
        self._convert = _CONVERSIONS[audio_format.encoding, audio_format.bits]
        self._width = audio_format.bits // 8
        self._half = b""

    def feed(self, data: bytes) -> Samples:
        if self._half:
            data, self._half = self._half + data, b""
        odd = len(data) % self._width
        if odd:
            self._half, data = data[-odd:], data[:-odd]
        return self._convert(data)

    def finish(self) -> Samples:
        return NO_SAMPLES  # half a sample is no sound
