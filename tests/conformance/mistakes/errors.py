"""What a server may get wrong in refusing."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
from riva.client.proto import riva_asr_pb2 as asr

from tests.conformance.mistakes.wrong_server import WrongServer
from tests.conformance.scripted.speech import Refusal, Samples
from tests.conformance.tones import RATE


class ServesAnyLanguage(WrongServer):
    caught_by = (
        "errors/unknown-language",
        "errors/unknown-language-with-rate",
        "errors/shortened-language",
        "errors/unknown-model",
    )

    def refuse(self, config: Any, kind: str) -> None:
        config.language_code, config.model = "en-US", ""
        super().refuse(config, kind)


class HasItsOwnWords(WrongServer):
    caught_by = ("errors/unknown-language", "errors/unknown-language-with-rate", "errors/unknown-model")

    def unavailable(self, config: Any, kind: str) -> str:
        return f"Error: Unavailable model requested. Lang: {config.language_code}, Type: {kind}"


class ForgetsTheType(WrongServer):
    caught_by = ("errors/unknown-language-with-rate/offline", "errors/unknown-language-with-rate/streaming")

    def unavailable(self, config: Any, kind: str) -> str:
        return super().unavailable(config, kind).replace(f"type={kind}; ", "")


class HasOneStatusForAll(WrongServer):
    caught_by = ("errors/unknown-language", "errors/not-audio", "errors/two-channels", "errors/separate-channels")

    def refuse(self, config: Any, kind: str) -> None:
        try:
            super().refuse(config, kind)
        except Refusal as refusal:
            raise Refusal(refusal.message, grpc.StatusCode.UNKNOWN) from None

    def decode(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, int]:
        try:
            return super().decode(config, data, whole=whole)
        except Refusal as refusal:
            raise Refusal(refusal.message, grpc.StatusCode.UNKNOWN) from None


class ToleratesAnything(WrongServer):
    caught_by = (
        "errors/first-message-lacks-config",
        "errors/header-with-another-rate",
        "errors/header-with-another-encoding",
        "errors/not-audio",
        "errors/two-channels",
        "errors/two-channels-named",
        "errors/bits-per-sample",
        "errors/separate-channels",
    )

    def refuse(self, config: Any, kind: str) -> None:
        pass

    def listen(self, config: Any, data: bytes, *, whole: bool) -> tuple[Samples, float]:
        return np.zeros(RATE, np.float32), 1.0

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            pass
        yield asr.StreamingRecognizeResponse()
