"""The RPCs of RivaLanguageUnderstanding that punctuation answers: texts in, the same with marks and capitals out."""

from collections.abc import Mapping
from typing import Any

from riva.client.proto import riva_nlp_pb2 as nlp

from pipelines.contract import Rpc
from pipelines.server.errors import TooMuchText, UnavailableModel, UnknownModel
from pipelines.server.models import Model
from pipelines.server.services import ServiceParts

__all__ = ["choose_model", "rpcs"]

# Bytes of UTF-8 in a call; a stock client takes no answer of more. Bounds the memory that one call can cost.
MOST_TEXT = 4 << 20
DEFAULT_LANGUAGE = "en-US"  # riva_nlp.proto says so of NLPModelParams.language_code


def rpcs(parts: ServiceParts) -> Mapping[str, Rpc]:
    """What answers for `PunctuateText`, and for `TransformText`, whose one task in Riva is the same."""
    handler = _Punctuation(parts)
    return {"PunctuateText": handler.punctuate_text, "TransformText": handler.transform_text}


class _Punctuation:
    def __init__(self, parts: ServiceParts) -> None:
        self._parts = parts

    async def punctuate_text(self, request: Any, context: Any) -> Any:
        """Each text with marks and capitals, in the order of the request."""
        return await self._transform("PunctuateText", request, context)

    async def transform_text(self, request: Any, context: Any) -> Any:
        """The same; `top_n` means nothing here."""
        return await self._transform("TransformText", request, context)

    async def _transform(self, method: str, request: Any, context: Any) -> Any:
        async with self._parts.calls.observe(method, context) as call:
            call.identify(request)
            call.language_code = request.model.language_code
            model = choose_model(request.model, self._parts.models.of_pipeline("punctuation"))
            call.model, call.texts = model.name, len(request.text)
            call.text_bytes = sum(len(text.encode()) for text in request.text)
            if call.text_bytes > MOST_TEXT:
                raise TooMuchText(call.text_bytes, MOST_TEXT)
            texts = await self._parts.triton.transform(model, request.text) if request.text else []
            call.responses = 1
            response = nlp.TextTransformResponse(text=texts)
            response.id.value = call.request_id
            return response


def choose_model(wanted: Any, models: list[Model]) -> Model:
    """The pipeline for a request: the one named, else the first of the language.

    Args:
        wanted: A `NLPModelParams` message.
        models: The punctuation pipelines that are deployed.

    Raises:
        UnknownModel: None has that name.
        UnavailableModel: None knows that language.
    """
    deployed = [str(model) for model in models]
    if wanted.model_name:
        named = next((model for model in models if model.name == wanted.model_name), None)
        if named is None:
            raise UnknownModel(wanted.model_name, deployed)
        return named
    language = wanted.language_code or DEFAULT_LANGUAGE
    fitting = next((model for model in models if language in model.language_codes), None)
    if fitting is None:
        raise UnavailableModel({"language_code": language}, deployed)
    return fitting
