"""Its RPC."""

from collections.abc import Mapping
from typing import Any

from riva.client.proto import riva_nlp_pb2 as nlp

from pipelines.contract import Rpc
from pipelines.server.services import ServiceParts

__all__ = ["rpcs"]


def rpcs(parts: ServiceParts) -> Mapping[str, Rpc]:
    """`ClassifyText`: the class of a text is the text, shouted."""

    async def classify_text(request: Any, context: Any) -> Any:
        (model,) = parts.models.of_pipeline("shouting")
        response = nlp.TextClassResponse()
        for text in await parts.triton.transform(model, request.text):
            response.results.add().labels.add(class_name=text, score=1)
        return response

    return {"ClassifyText": classify_text}
