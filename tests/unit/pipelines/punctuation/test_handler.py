"""PunctuateText and TransformText before a fake Triton, called with the stock client."""

import json
from collections.abc import Iterator

import grpc
import pytest
import riva.client
from riva.client.proto import riva_nlp_pb2 as rnlp

from pipelines.punctuation import handler
from pipelines.server.options import ServerOptions
from tests.counting.repository import model_config, punctuator_config
from tests.counting.running import RunningServer


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    configs = [
        model_config("count-online", "online"),
        punctuator_config("marks-de", "de-DE,de-AT"),
        punctuator_config("marks-en"),
        punctuator_config("marks-too"),
    ]
    with RunningServer(ServerOptions(), configs=configs) as it:
        yield it


@pytest.fixture
def service(running: RunningServer) -> Iterator[riva.client.NLPService]:
    auth = riva.client.Auth(uri=running.address)
    running.triton.transformed.clear()
    yield riva.client.NLPService(auth)
    auth.channel.close()


@pytest.mark.parametrize("texts", [["one"], ["two words", "", "one", "Größe 日本 \U0001f600"], ["same"] * 100, []])
def test_texts_come_back_in_order(service: riva.client.NLPService, running: RunningServer, texts: list[str]) -> None:
    """One answer a text, whatever it holds, from one request to Triton; no text at all needs none."""
    response = service.punctuate_text(texts)

    assert list(response.text) == [f"{text.title()}!" if text else "" for text in texts]
    assert running.triton.transformed == ([("marks-en", texts)] if texts else [])


def test_transform_text_does_the_same(service: riva.client.NLPService) -> None:
    """Riva has one model for it, and it punctuates."""
    assert list(service.transform_text(["one", "two"], model_name="marks-en").text) == ["One!", "Two!"]


@pytest.mark.parametrize(
    ("wanted", "model"),
    [
        ({}, "marks-en"),
        ({"language_code": "de-AT"}, "marks-de"),
        ({"language_code": ""}, "marks-en"),
        ({"model_name": "marks-too"}, "marks-too"),
        ({"model_name": "marks-de", "language_code": "en-US"}, "marks-de"),
    ],
    ids=["en-US by default", "one of several languages", "no language", "by name", "the name decides"],
)
def test_models_are_chosen_by_name_or_language(
    service: riva.client.NLPService, running: RunningServer, wanted: dict[str, str], model: str
) -> None:
    """The first of a language, by name; a name needs no language."""
    service.punctuate_text("one", **wanted)

    assert running.triton.transformed == [(model, ["one"])]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"model_name": "foo"}, "Error: Model foo is not a Riva API model, execution cannot be done"),
        (
            {"model_name": "count-online"},
            "Error: Model count-online is not a Riva API model, execution cannot be done",
        ),
        (
            {"language_code": "fr-FR"},
            "Error: Unavailable model requested given these parameters: language_code=fr-FR; ",
        ),
        ({"language_code": "de"}, "Error: Unavailable model requested given these parameters: language_code=de; "),
    ],
    ids=["no such model", "a recogniser", "no such language", "a language without its region"],
)
@pytest.mark.parametrize("method", ["punctuate_text", "transform_text"])
def test_errors_are_riva_s_word_for_word(
    service: riva.client.NLPService, method: str, wanted: dict[str, str], message: str
) -> None:
    """INVALID_ARGUMENT, with what is deployed in the details."""
    with pytest.raises(grpc.RpcError) as raised:
        getattr(service, method)("one", **{"model_name": "", **wanted})

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, message)
    details = dict(raised.value.trailing_metadata())["grpc-status-details-bin"]
    assert b"marks-de (de-DE,de-AT), marks-en (en-US)" in details


def test_request_id_comes_back(service: riva.client.NLPService) -> None:
    """The caller's id is in the answer; a caller without one gets one to quote."""
    request = rnlp.TextTransformRequest(text=["one"])
    assert service.stub.PunctuateText(request).id.value
    request.id.value = "mine"
    assert service.stub.PunctuateText(request).id.value == "mine"


@pytest.mark.parametrize(("size", "model"), [(4096, "marks-en"), (4097, "marks-en-long")])
def test_much_text_goes_where_it_delays_nobody(
    service: riva.client.NLPService, running: RunningServer, size: int, model: str
) -> None:
    """The size of all texts of a call counts, in bytes."""
    service.punctuate_text(["é" * 1000, "x" * (size - 2000)])

    assert [name for name, _ in running.triton.transformed] == [model]


def test_more_than_one_call_may_cost_is_refused(
    service: riva.client.NLPService, running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded whatever a client sends; the message has the size and the limit."""
    monkeypatch.setattr(handler, "MOST_TEXT", 10)
    service.punctuate_text(["x" * 5, "y" * 5])

    with pytest.raises(grpc.RpcError) as raised:
        service.punctuate_text(["x" * 5, "é" * 3])

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "Error: 11 bytes of text in one request, 10 is the limit"
    assert len(running.triton.transformed) == 1


def test_failure_of_the_pipeline(service: riva.client.NLPService) -> None:
    """What Triton says reaches the client with Riva's status and words."""
    with pytest.raises(grpc.RpcError) as raised:
        service.punctuate_text("fail")

    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert raised.value.details() == (
        "Error: Triton model failed during inference. Error message: the punctuator was told to fail"
    )


def test_a_pipeline_that_takes_too_long_is_told(
    service: riva.client.NLPService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call waits for ever; the message says for how long it did."""
    monkeypatch.setattr("pipelines.server.sequence.INFER_SECONDS", 0.2)
    with pytest.raises(grpc.RpcError) as raised:
        service.punctuate_text("slow")

    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert raised.value.details().endswith("Error message: no answer within 0.2 seconds")


def test_each_call_leaves_one_line_of_json(
    service: riva.client.NLPService, running: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """With the number of texts and their size, and nothing of what they say."""
    running.settle()
    with caplog.at_level("INFO", logger="pipelines.server.calls"):
        service.punctuate_text(["one", "größer"])
        running.settle()

    (line,) = (json.loads(record.getMessage()) for record in caplog.records)
    assert (line["method"], line["model"], line["code"]) == ("PunctuateText", "marks-en", "OK")
    assert (line["texts"], line["text_bytes"]) == (2, 11)
    assert "one" not in caplog.records[0].getMessage().replace('"method"', "")
