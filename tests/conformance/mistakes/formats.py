"""What a server may get wrong in containers, codecs and rates."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.conformance.mistakes.wrong_server import INTERNAL, WrongServer
from tests.conformance.scripted.speech import Refusal, Samples, Stream
from tests.conformance.tones import RATE


class IgnoresTheRateOfHeaders(WrongServer):
    caught_by = tuple(
        f"formats/wav/{mode}/rate:{rate}" for mode in ("offline", "streaming") for rate in (8000, 22050, 44100, 48000)
    )

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        return super().decode_header(config, data, whole=whole)[0], RATE


class NeverResamples(WrongServer):
    caught_by = ("formats/pcm-rates", "formats/flac-rates")

    def resample(self, samples: Samples, rate: int) -> Samples:
        return samples


class NeedsAnEncoding(WrongServer):
    caught_by = ("formats/wav", "formats/flac", "formats/ogg-opus", "formats/companded-wav")

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if not config.encoding:
            raise Refusal("Error: invalid format")


class CannotReadHeaders(WrongServer):
    caught_by = ("formats/flac", "formats/named-encoding", "formats/eight-bit-wav")

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        raise Refusal("Error: invalid format")


class CannotReadOpus(WrongServer):
    caught_by = ("formats/ogg-opus",)

    def check_header(self, config: Any, file: Any) -> None:
        super().check_header(config, file)
        if file.subtype == "OPUS":
            raise Refusal("Error: invalid format")


class WantsTheHeaderAtOnce(WrongServer):
    caught_by = ("formats/split-header/wav", "formats/split-header/flac", "formats/split-header/ogg-opus")

    def hear(self, stream: Stream, data: bytes) -> Iterator[Any]:
        if not stream.data and len(data) < 44:
            raise Refusal("Error: invalid format")
        return super().hear(stream, data)


class SwapsBytes(WrongServer):
    caught_by = ("formats/pcm",)

    def decode_raw(self, config: Any, data: bytes) -> Samples:
        return np.frombuffer(data[: len(data) // 2 * 2], ">i2").astype(np.float32) / 32768


class TakesCompandedForPcm(WrongServer):
    caught_by = ("formats/companded/*/mulaw/*", "formats/companded/*/alaw/*")

    def decode_raw(self, config: Any, data: bytes) -> Samples:
        return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / 32768


class BreaksOnTruncatedAudio(WrongServer):
    caught_by = ("formats/truncated-wav", "formats/truncated-flac")

    def decode_header(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        try:
            samples, rate = super().decode_header(config, data, whole=whole)
        except Refusal:
            raise Refusal("Traceback (most recent call last)", INTERNAL) from None
        if whole and data.startswith(b"RIFF") and int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise Refusal("Traceback (most recent call last)", INTERNAL)
        return samples, rate
