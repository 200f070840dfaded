"""What a server may get wrong in punctuating: its models, what it writes, whose answer it is."""

import asyncio
from collections.abc import Sequence
from typing import Any

from grpc_health.v1 import health_pb2
from riva.client.proto import riva_nlp_pb2 as nlp

from tests.conformance.mistakes.wrong_server import INTERNAL, WrongServer
from tests.conformance.scripted.language import Refusal


class WrongPunctuator(WrongServer):
    room = "punctuation"


# Health and configuration.


class LanguageIsNotServing(WrongPunctuator):
    caught_by = ("health/service", "health/watch")

    def health(self, service: str) -> int | None:
        status = super().health(service)
        return health_pb2.HealthCheckResponse.NOT_SERVING if "nlp" in service else status


class NothingIsServing(WrongPunctuator):
    caught_by = ("health/server",)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING


class ListsNoLanguageModel(WrongPunctuator):
    caught_by = ("configuration/models-listed", "configuration/declared-models", "configuration/one-model")

    def language_models(self) -> dict[str, dict[str, str]]:
        return {}


class ListsNoLanguage(WrongPunctuator):
    caught_by = ("configuration/models-described", "configuration/declared-models")

    def language_models(self) -> dict[str, dict[str, str]]:
        return {name: {"pipeline": "punctuation"} for name in super().language_models()}


class ListsALanguageTooMany(WrongPunctuator):
    caught_by = ("configuration/declared-models", "configuration/one-model")

    def named_language_models(self, name: str) -> dict[str, dict[str, str]]:
        return {**self.language_models(), "surprise": {"language_code": "de-DE", "pipeline": "punctuation"}}


class BreaksOnUnknownNames(WrongPunctuator):
    caught_by = ("errors/unknown-listed-model", "errors/unknown-model")

    def find(self, model: Any) -> None:
        try:
            super().find(model)
        except Refusal:
            raise Refusal("Traceback (most recent call last)", INTERNAL) from None

    async def GetRivaNLPConfig(self, request: Any, context: Any) -> Any:
        if not self.named_language_models(request.model_name):
            await context.abort(INTERNAL, "Traceback (most recent call last)")
        return await super().GetRivaNLPConfig(request, context)


# Content.


class ReturnsTheInput(WrongPunctuator):
    """The failure of NVIDIA-NeMo/Speech #5352."""

    caught_by = (
        "configuration/models-answer",
        "content/changed/punctuate",
        "content/changed/transform",
        "content/accuracy/punctuate",
        "content/accuracy/transform",
        "content/as-recorded",
        "liveness/same-answer",
    )

    def punctuate(self, text: str) -> str:
        return text


class ForgetsMarks(WrongPunctuator):
    caught_by = ("content/changed", "content/accuracy", "content/as-recorded", "texts/long/punctuate")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text).replace(",", "").replace(".", "").replace("?", "")


class ForgetsCapitals(WrongPunctuator):
    caught_by = ("content/changed", "content/accuracy", "texts/megabyte")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text).casefold()


class TakesQuestionsForStatements(WrongPunctuator):
    caught_by = ("content/accuracy", "content/as-recorded/punctuate", "content/as-recorded/transform")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text).replace("?", ".")


class LosesTheLastWord(WrongPunctuator):
    caught_by = ("content/words-kept/punctuate", "content/words-kept/transform", "texts/one-word")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text).rpartition(" ")[0]


class TransformsIntoNothingNew(WrongPunctuator):
    caught_by = ("content/same-answer-of-both", "content/changed/transform", "configuration/models-answer/transform")

    async def TransformText(self, request: Any, context: Any) -> Any:
        return nlp.TextTransformResponse(text=request.text)


class RefusesLanguageModelNames(WrongPunctuator):
    caught_by = (
        "content/by-model-name/punctuate",
        "content/by-model-name/transform",
        "content/model-before-language",
    )

    def find(self, model: Any) -> None:
        super().find(model)
        if model.model_name:
            raise Refusal(self.unknown_model(model.model_name))


class LooksAtTheLanguageFirst(WrongPunctuator):
    caught_by = ("content/model-before-language",)

    def find(self, model: Any) -> None:
        super().find(model)
        if model.language_code == "xx-XX":
            raise Refusal(self.unknown_language(model.language_code))


# Batches.


class AnswersInOrderOfLength(WrongPunctuator):
    caught_by = tuple(f"batches/order/batch:{size}" for size in (2, 7, 32, 150))

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        return super().rewrite(sorted(texts, key=len, reverse=True))


class AnswersEqualTextsOnce(WrongPunctuator):
    caught_by = ("batches/same-text-many-times",)

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        return super().rewrite(list(dict.fromkeys(texts)))


class LosesEmptyTexts(WrongPunctuator):
    caught_by = ("batches/empty-among-others", "texts/empty/punctuate", "texts/empty/transform", "texts/white-space")

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        return super().rewrite([text for text in texts if text.strip()])


class AlwaysHasAnAnswer(WrongPunctuator):
    caught_by = ("batches/no-text/punctuate", "batches/no-text/transform")

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        return super().rewrite(texts) or [""]


class MixesUpTexts(WrongPunctuator):
    """Requests that are answered at once get each other's texts, as a batch with a wrong index would."""

    caught_by = ("batches/concurrent/punctuate", "batches/concurrent/transform", "batches/same-text-at-once")

    def __init__(self) -> None:
        self.running = self.started = 0

    async def PunctuateText(self, request: Any, context: Any) -> Any:
        self.running += 1
        self.started += 1
        neighbour = self.started
        try:
            await asyncio.sleep(0.1)  # long enough for the others to begin, on a busy machine too
            crowded = self.running > 1
            response = await super().PunctuateText(request, context)
            if crowded:
                response.text[:] = [f"{neighbour} {text}" for text in response.text]
            return response
        finally:
            self.running -= 1


class IsDisturbedByAReaderThatGivesUp(WrongPunctuator):
    caught_by = ("batches/cancel",)

    def __init__(self) -> None:
        self.given_up = False

    async def PunctuateText(self, request: Any, context: Any) -> Any:
        if self.given_up:
            await context.abort(INTERNAL, "slot is in use")
        try:
            await asyncio.sleep(0.2 if sum(map(len, request.text)) > 100_000 else 0)
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return await super().PunctuateText(request, context)
