"""Riva's eight pipelines, and which of them have a room."""

import pytest

from pipelines.contract import Pipeline
from pipelines.errors import PipelineMissing, UsageError
from pipelines.registry import ALL_PIPELINES, load_pipeline

EIGHT = {
    "speech_recognition",
    "speech_synthesis",
    "qa",
    "token_classification",
    "intent_slot",
    "text_classification",
    "punctuation",
    "translation",
}


def test_riva_has_eight_pipelines():
    """The names are those that NVIDIA's tool accepts."""
    assert set(ALL_PIPELINES) == EIGHT


@pytest.mark.parametrize("name", ALL_PIPELINES)
def test_a_pipeline_loads_or_says_that_it_has_no_room(name):
    """A room offers a pipeline of its own name; a missing one is told with those that are there."""
    if ALL_PIPELINES[name] is None:
        with pytest.raises(PipelineMissing, match=f"{name} cannot be built here yet\navailable: speech_recognition"):
            load_pipeline(name)
    else:
        pipeline = load_pipeline(name)
        assert isinstance(pipeline, Pipeline)
        assert pipeline.name == name


def test_an_unknown_pipeline_is_a_usage_error():
    """A name that is none of the eight is answered with the eight."""
    with pytest.raises(UsageError, match="speech_recognition, speech_synthesis"):
        load_pipeline("asr")
