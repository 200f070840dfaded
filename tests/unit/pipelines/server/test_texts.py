"""Texts travel as tensors of strings."""

import pytest
from tritonclient.grpc import service_pb2

from pipelines.server.errors import InferenceFailed
from pipelines.server.models import Model
from pipelines.server.texts import text_request, texts_of

TEXTS = ["one", "", "gr\u00f6\u00dfer", "a\x00b\n", "\u65e5\u672c" * 1000]
PUNCTUATOR = Model("marks", {"long_text": "10", "long_text_model": "marks-long"})


@pytest.mark.parametrize("batched", [True, False])
def test_texts_come_back_as_they_went(batched: bool) -> None:
    """Any text, empty ones and zero bytes included; the shape says how many."""
    request = text_request(Model("any", {}, batched), TEXTS)
    response = service_pb2.ModelInferResponse(raw_output_contents=request.raw_input_contents)
    response.outputs.add(name="RESULT", datatype="BYTES")

    assert texts_of(response) == TEXTS
    assert list(request.inputs[0].shape) == ([1, 5] if batched else [5])


@pytest.mark.parametrize(
    ("model", "texts", "name"),
    [
        (PUNCTUATOR, ["x" * 10], "marks"),
        (PUNCTUATOR, ["x" * 11], "marks-long"),
        (PUNCTUATOR, ["x" * 6, "x" * 6], "marks-long"),
        (Model("any", {}), ["x" * 11], "any"),
    ],
)
def test_much_text_has_a_model_of_its_own(model: Model, texts: list[str], name: str) -> None:
    """If the pipeline has one; the texts of a call count together."""
    assert text_request(model, texts).model_name == name


def test_an_answer_without_texts_is_a_failure() -> None:
    """A repository of another version is told, not a crash."""
    with pytest.raises(InferenceFailed, match="no RESULT"):
        texts_of(service_pb2.ModelInferResponse())
