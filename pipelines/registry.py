"""The pipelines that `riva-build` knows: one line each. A room is imported when it is asked for, not before."""

import importlib
from typing import Any

from pipelines.contract import Pipeline
from pipelines.errors import PipelineMissing, UsageError

__all__ = ["ALL_PIPELINES", "load_pipeline"]

ALL_PIPELINES: dict[str, str | None] = {  # name on the command line -> package of its room, None until it is built
    "speech_recognition": "pipelines.speech_recognition",
    "speech_synthesis": None,
    "punctuation": None,
    "translation": None,
    "qa": None,
    "token_classification": None,
    "intent_slot": None,
    "text_classification": None,
}


def load_pipeline(name: str) -> Pipeline[Any]:
    """Returns the pipeline `name`, importing its room.

    Raises:
        UsageError: There is no pipeline of that name.
        PipelineMissing: It is one of Riva's, but has no room here yet.
    """
    if name not in ALL_PIPELINES:
        raise UsageError(f"there is no pipeline {name!r}", fix=f"choose one of {', '.join(ALL_PIPELINES)}")
    room = ALL_PIPELINES[name]
    if room is None:
        ready = ", ".join(name for name, room in ALL_PIPELINES.items() if room)
        raise PipelineMissing(f"pipeline {name} cannot be built here yet", fix=f"available: {ready}")
    pipeline = importlib.import_module(room).PIPELINE
    assert isinstance(pipeline, Pipeline)
    return pipeline
