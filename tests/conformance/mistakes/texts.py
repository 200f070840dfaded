"""What a server may get wrong about unusual texts, in refusing them, and in the long run."""

import unicodedata
from typing import Any

import grpc
from grpc_health.v1 import health_pb2

from tests.conformance.mistakes.punctuation import WrongPunctuator
from tests.conformance.scripted.language import Refusal

# Texts.


class RefusesEmptyTexts(WrongPunctuator):
    caught_by = ("texts/empty", "texts/white-space")

    def punctuate(self, text: str) -> str:
        if not text.strip():
            raise Refusal("Error: empty text")
        return super().punctuate(text)


class KnowsOneWhiteSpaceOnly(WrongPunctuator):
    caught_by = ("texts/spread",)

    def punctuate(self, text: str) -> str:
        return super().punctuate(" ".join(word for word in text.split(" ") if word.strip() == word))


class TakesMarksForWords(WrongPunctuator):
    caught_by = ("texts/already-punctuated",)

    def punctuate(self, text: str) -> str:
        return super().punctuate(text.replace(",", " ,").replace(".", " .").replace("?", " ?"))


class DoesNotKnowCapitals(WrongPunctuator):
    caught_by = ("texts/upper-case",)

    def punctuate(self, text: str) -> str:
        words = ("[UNK]" if word.isupper() and len(word) > 1 else word for word in text.split())
        return super().punctuate(" ".join(words))


class KnowsLettersOnly(WrongPunctuator):
    caught_by = ("texts/figures-and-signs", "texts/unknown-characters", "texts/control-characters")

    def punctuate(self, text: str) -> str:
        kept = (sign for sign in text if unicodedata.category(sign)[0] in "LZ")
        return super().punctuate("".join(kept))


class KnowsAsciiOnly(WrongPunctuator):
    caught_by = ("texts/other-scripts", "texts/unknown-characters")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text.encode("ascii", "replace").decode())


class CutsWords(WrongPunctuator):
    caught_by = ("texts/endless-word",)

    def punctuate(self, text: str) -> str:
        return super().punctuate(" ".join(word[:20] for word in text.split()))


class CutsTexts(WrongPunctuator):
    caught_by = ("texts/long/punctuate", "texts/long/transform", "texts/megabyte")

    def punctuate(self, text: str) -> str:
        return super().punctuate(text[:5000])


class ForgetsTheIdOfTexts(WrongPunctuator):
    caught_by = ("texts/request-id/punctuate", "texts/request-id/transform")

    def text_identity(self, request_id: Any) -> Any:
        return type(request_id)()


# Errors.


class PunctuatesAnything(WrongPunctuator):
    caught_by = (
        "errors/unknown-model/punctuate",
        "errors/unknown-model/transform",
        "errors/unknown-language/punctuate",
        "errors/unknown-language/transform",
        "errors/shortened-language",
    )

    def find(self, model: Any) -> None:
        pass


class HasItsOwnWordsForModels(WrongPunctuator):
    caught_by = ("errors/unknown-model",)

    def unknown_model(self, name: str) -> str:
        return f"Error: no model {name}"


class FindsUnknownModelsUnknown(WrongPunctuator):
    caught_by = ("errors/unknown-model", "errors/unknown-language")

    def find(self, model: Any) -> None:
        try:
            super().find(model)
        except Refusal as refusal:
            raise Refusal(refusal.message, grpc.StatusCode.UNKNOWN) from None


# Liveness.


class TiresAfterSomeTexts(WrongPunctuator):
    caught_by = ("liveness/same-answer/punctuate", "liveness/same-answer/transform")
    after = ("configuration", "content/words-kept")

    def __init__(self) -> None:
        self.texts = 0

    def punctuate(self, text: str) -> str:
        self.texts += 1
        return super().punctuate(text) if self.texts < 12 else text


class StopsServingAfterALongText(WrongPunctuator):
    caught_by = ("liveness/still-serving", "liveness/still-listed")
    after = ("texts/long/punctuate",)

    def __init__(self) -> None:
        self.worn = False

    def punctuate(self, text: str) -> str:
        self.worn |= len(text) > 10_000
        return super().punctuate(text)

    def health(self, service: str) -> int | None:
        return health_pb2.HealthCheckResponse.NOT_SERVING if self.worn else super().health(service)

    def named_language_models(self, name: str) -> dict[str, dict[str, str]]:
        return {} if self.worn else super().named_language_models(name)
