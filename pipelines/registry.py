"""The pipelines that `riva-build` knows: one line each. A room is imported when it is asked for, not before."""

import importlib
from collections.abc import Iterator
from typing import Any

from pipelines.compatibility import compatibility
from pipelines.contract import Pipeline, Unsupported
from pipelines.errors import PipelineMissing, UnsupportedCheckpoint, UsageError

__all__ = ["ALL_PIPELINES", "load_pipeline", "pipeline_of", "rooms", "supported_classes", "why_unsupported"]

ALL_PIPELINES: dict[str, str | None] = {  # name on the command line -> package of its room, None until it is built
    "speech_recognition": "pipelines.speech_recognition",
    "speech_synthesis": None,
    "punctuation": "pipelines.punctuation",
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


def rooms() -> Iterator[Pipeline[Any]]:
    """Yields the pipelines that have a room, importing each."""
    for name, room in ALL_PIPELINES.items():
        if room is not None:
            yield load_pipeline(name)


def pipeline_of(obj_cls: str) -> Pipeline[Any]:
    """Returns the pipeline that serves checkpoints of a class, as Riva's schemas spell it.

    Raises:
        UnsupportedCheckpoint: None does.
    """
    found = next((pipeline for pipeline in rooms() if obj_cls in pipeline.classes), None)
    if found is None:
        reason = why_unsupported(obj_cls)
        raise UnsupportedCheckpoint(f"a {obj_cls} cannot be exported: {reason.what}", fix=reason.fix)
    return found


def supported_classes() -> tuple[str, ...]:
    """The classes of checkpoints that some room serves."""
    return tuple(name for pipeline in rooms() for name in pipeline.classes)


def why_unsupported(obj_cls: str) -> Unsupported:
    """Says why no room serves a class, and what NVIDIA's own tools do with it where a source says so."""
    own = (pipeline.checkpoint.why_unsupported(obj_cls) for pipeline in rooms())
    reason = next(filter(None, own), None) or Unsupported(
        "there is no recipe for this class here", f"use a {', a '.join(supported_classes())}"
    )
    row = compatibility().classes.get(obj_cls)
    if row is None:
        return reason
    versions = f" (Riva {row.works.value})" if row.works and row.works.value else ""
    return Unsupported(reason.what, f"{reason.fix}; for NVIDIA's own tools{versions}: {row.command}")
