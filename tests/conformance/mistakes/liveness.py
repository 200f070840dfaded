"""How a server may wear out."""

from collections.abc import Iterator
from typing import Any

from grpc_health.v1 import health_pb2

from tests.conformance.mistakes.wrong_server import WrongServer
from tests.conformance.scripted.speech import Samples, Stream
from tests.conformance.tones import Word


class TiresAfterTwentyCalls(WrongServer):
    caught_by = ("liveness/same-answer/offline", "liveness/same-answer/streaming")
    after = ("configuration/models-answer", "recognition/word-error-rate", "formats/flac-rates", "formats/wav")

    def __init__(self) -> None:
        self.calls = 0

    def recognise(self, samples: Samples, kind: str) -> list[Word]:
        return super().recognise(samples, kind)[: None if self.calls <= 20 else 1]

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.calls += 1
        return await super().Recognize(request, context)


class StopsServingAfterAStream(WrongServer):
    caught_by = ("liveness/still-serving", "liveness/still-listed")
    after = ("health", "configuration", "recognition/word-error-rate/streaming")

    def __init__(self) -> None:
        self.worn = False

    def end(self, stream: Stream) -> Iterator[Any]:
        self.worn = True
        return super().end(stream)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING if self.worn else super().health(service)

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {} if self.worn else super().named_models(name)
