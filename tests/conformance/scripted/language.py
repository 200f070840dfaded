"""Language understanding of the scripted server: a few words of the language of tones have a mark or a capital."""

from collections.abc import Sequence
from typing import Any

import grpc
from riva.client.proto import riva_nlp_pb2 as nlp
from riva.client.proto import riva_nlp_pb2_grpc

LANGUAGE = "en-US"
PUNCTUATOR = "tones-punctuation"
MARKS = {"bravo": ",", "echo": "?", "hotel": "."}
NAMES = frozenset({"delta"})


class Refusal(Exception):
    """Ends a call with a status."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def punctuate(text: str) -> str:
    """The words of a text with marks behind some, and capitals at names and beginnings of sentences."""
    words, begins = [], True
    for word in text.split():
        written = word.capitalize() if begins or word in NAMES else word
        mark = MARKS.get(word.casefold(), "")
        words.append(written + mark)
        begins = mark in (".", "?")
    return " ".join(words)


class LanguageServer(riva_nlp_pb2_grpc.RivaLanguageUnderstandingServicer):
    """The correct one."""

    def language_models(self) -> dict[str, dict[str, str]]:
        """Parameters of the models by their names."""
        return {PUNCTUATOR: {"language_code": LANGUAGE, "pipeline": "punctuation"}}

    def named_language_models(self, name: str) -> dict[str, dict[str, str]]:
        return {each: parameters for each, parameters in self.language_models().items() if name in ("", each)}

    async def GetRivaNLPConfig(self, request: Any, context: Any) -> Any:
        response = nlp.RivaNLPConfigResponse()
        for name, parameters in self.named_language_models(request.model_name).items():
            response.model_config.add(model_name=name, parameters=parameters)
        return response

    def find(self, model: Any) -> None:
        """Raises `Refusal` if there is no such model."""
        if model.model_name:
            if model.model_name != PUNCTUATOR:
                raise Refusal(self.unknown_model(model.model_name))
        elif model.language_code not in ("", LANGUAGE):
            raise Refusal(self.unknown_language(model.language_code))

    def unknown_model(self, name: str) -> str:
        return f"Error: Model {name} is not a Riva API model, execution cannot be done"

    def unknown_language(self, code: str) -> str:
        return f"Error: Unavailable model requested given these parameters: language_code={code}; "

    def punctuate(self, text: str) -> str:
        return punctuate(text)

    def rewrite(self, texts: Sequence[str]) -> list[str]:
        return [self.punctuate(text) for text in texts]

    def text_identity(self, request_id: Any) -> Any:
        return request_id

    async def PunctuateText(self, request: Any, context: Any) -> Any:
        try:
            self.find(request.model)
            response = nlp.TextTransformResponse(text=self.rewrite(request.text))
        except Refusal as refusal:
            await context.abort(refusal.code, refusal.message)
        if request.HasField("id"):
            response.id.CopyFrom(self.text_identity(request.id))
        return response

    async def TransformText(self, request: Any, context: Any) -> Any:
        return await self.PunctuateText(request, context)
