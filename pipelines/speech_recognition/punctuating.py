"""Marks and capitals for final results, from the punctuation pipeline of the request's language."""

from collections.abc import Iterable
from typing import Any

from pipelines.server.models import Model
from pipelines.server.triton import Triton

__all__ = ["choose_punctuator", "punctuate"]


def choose_punctuator(language_code: str, punctuators: Iterable[Model]) -> Model | None:
    """The first punctuation pipeline that was built for a language, compared as a whole, as Riva does."""
    return next((model for model in punctuators if language_code in model.language_codes), None)


async def punctuate(results: Iterable[dict[str, Any]], punctuator: Model, triton: Triton) -> None:
    """Rewrites the final results among a pipeline's RESULTs: the transcript, and with it each word.

    Results that are not final stay as they are: the words to come decide about their marks.

    Raises:
        InferenceFailed: Triton failed.
    """
    finals = [found for result in results for found in result["results"] if found["is_final"]]
    if not finals:
        return
    for found, text in zip(
        finals, await triton.transform(punctuator, [found["transcript"] for found in finals]), strict=True
    ):
        found["transcript"] = text
        # A punctuator neither adds nor drops words, so they keep their times.
        for word, written in zip(found["words"], text.split(), strict=True):
            word["word"] = written
