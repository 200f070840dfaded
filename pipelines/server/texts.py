"""Texts on their way to a pipeline and back: one request, each text an element of a tensor of strings.

On the wire such a tensor is four bytes of length (little-endian) and the UTF-8 of each element, one after another
(KServe v2, `raw_input_contents`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tritonclient.grpc import service_pb2

from pipelines.server.errors import InferenceFailed
from pipelines.server.models import Model

__all__ = ["text_request", "texts_of"]

_LENGTH = 4  # bytes


def text_request(model: Model, texts: Sequence[str]) -> Any:
    """A `ModelInferRequest` with the tensor TEXT, to the model that much text goes to if there is much."""
    contents = [text.encode() for text in texts]
    name = model.long_text_model if sum(map(len, contents)) > model.long_text else model.name
    request = service_pb2.ModelInferRequest(model_name=name)
    request.inputs.add(name="TEXT", datatype="BYTES", shape=[*([1] if model.batched else []), len(contents)])
    request.raw_input_contents.append(b"".join(_packed(contents)))
    return request


def texts_of(response: Any) -> list[str]:
    """The tensor RESULT of a `ModelInferResponse`.

    Raises:
        InferenceFailed: There is none.
    """
    for output, content in zip(response.outputs, response.raw_output_contents, strict=True):
        if output.name == "RESULT":
            return list(_unpacked(content))
    raise InferenceFailed("the pipeline returned no RESULT", "Deploy the pipeline again with this riva-deploy.")


def _packed(contents: Iterable[bytes]) -> Iterator[bytes]:
    for content in contents:
        yield len(content).to_bytes(_LENGTH, "little")
        yield content


def _unpacked(content: bytes) -> Iterator[str]:
    at = 0
    while at < len(content):
        first = at + _LENGTH
        at = first + int.from_bytes(content[at:first], "little")
        yield content[first:at].decode()
