"""Options are completed and checked when the RMIR is built."""

import pytest

from pipelines.errors import NotAnArchive, UsageError
from pipelines.punctuation.options import PunctuationOptions
from pipelines.punctuation.settling import settle

MANIFEST = {"artifacts": {"model_graph.onnx": {}, "model_config.yaml": {}}}


def settled(**options: object) -> PunctuationOptions:
    return settle(PunctuationOptions(**options), set(options), [MANIFEST])


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "riva-punctuation-en-US"),
        ({"language_code": "de-DE"}, "riva-punctuation-de-DE"),
        ({"language_code": "de-DE", "name": "mine"}, "mine"),
    ],
)
def test_the_name_is_the_one_that_clients_know(options: dict[str, str], name: str) -> None:
    """Unless it is given, the language is part of it, so that several stand side by side."""
    assert settled(**options).name == name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"language_code": "english"}, "not a BCP-47 language code"),
        ({"language_code": "en-us"}, "should be written en-US"),
        ({"name": "a/b"}, "cannot name a Triton model"),
        ({"max_batch_size": 0}, "must be positive"),
        ({"max_seq_length": 2}, "3 is the least"),
        ({"step": 0}, "--step=0 must be positive"),
        ({"margin": -1}, "not between 0 and 30"),
        ({"margin": 31}, "not between 0 and 30"),
        ({"max_seq_length": 4, "margin": 1}, "not between 0 and 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_impossible_options_are_refused(options: dict[str, object], said: str) -> None:
    """Each with what would be possible; NeMo's own conditions for windows are among them."""
    with pytest.raises(UsageError, match=said):
        settled(**options)


@pytest.mark.parametrize("options", [{"margin": 30}, {"max_seq_length": 3, "margin": 0}, {"step": 1000}])
def test_what_nemo_takes_is_taken(options: dict[str, int]) -> None:
    """The limits themselves are possible, and a step that is too long is shortened later."""
    assert settled(**options)


def test_all_problems_are_told_at_once() -> None:
    """One run tells every mistake of a command line."""
    with pytest.raises(UsageError, match="3 problems") as raised:
        settled(language_code="english", max_batch_size=-1, step=0)

    assert "riva-build punctuation --help" in str(raised.value)


@pytest.mark.parametrize("manifests", [[], [MANIFEST, MANIFEST]])
def test_one_model_makes_a_pipeline(manifests: list[dict[str, object]]) -> None:
    """Neither none nor two."""
    with pytest.raises(UsageError, match="built from one model"):
        settle(PunctuationOptions(), set(), manifests)


def test_an_archive_without_its_graph_is_refused() -> None:
    """What is missing is named."""
    with pytest.raises(NotAnArchive, match=r"model_graph\.onnx"):
        settle(PunctuationOptions(), set(), [{"artifacts": {"model_config.yaml": {}}}])
