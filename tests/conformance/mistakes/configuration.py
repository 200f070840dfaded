"""What a server may get wrong in its list of models."""

from typing import Any

from tests.conformance.mistakes.wrong_server import WrongServer
from tests.conformance.scripted.speech import Refusal


class ListsNothing(WrongServer):
    caught_by = ("configuration/models-listed", "configuration/declared-models")

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {}


class ListsNoParameters(WrongServer):
    caught_by = ("configuration/models-described",)

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return {each: {"language_code": "en-US"} for each in super().named_models(name)}


class ForgetsTheOfflineModel(WrongServer):
    caught_by = (
        "configuration/declared-models",
        "configuration/models-answer/offline",
        "recognition/word-error-rate/offline",
        "liveness/same-answer/offline",
    )

    def models(self) -> dict[str, dict[str, str]]:
        return {name: each for name, each in super().models().items() if each["type"] == "online"}

    def refuse(self, config: Any, kind: str) -> None:
        super().refuse(config, kind)
        if kind == "offline":
            raise Refusal(self.unavailable(config, kind))


class ListsAnUndeclaredModel(WrongServer):
    caught_by = ("configuration/declared-models",)

    def models(self) -> dict[str, dict[str, str]]:
        models = super().models()
        return {**models, "surprise": {**models["tones-offline"], "language_code": "de-DE"}}


class ListsAllForOneName(WrongServer):
    caught_by = ("configuration/one-model/offline", "configuration/one-model/streaming")

    def named_models(self, name: str) -> dict[str, dict[str, str]]:
        return self.models()
