"""Around every call: a line in the log, and an id where the server is at fault."""

import json

import grpc
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2 as rasr

from pipelines.speech_recognition import handler
from tests.counting.client import config, pieces, streaming, tone, wav
from tests.counting.running import RunningServer


def test_a_fault_of_the_server_shows_an_id_and_no_more(
    service: riva.client.ASRService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug ends the call with INTERNAL and an id; the traceback is in the log, under that id."""

    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the bug")

    monkeypatch.setattr(handler, "offline_response", bug)
    with pytest.raises(grpc.RpcError) as raised:
        service.offline_recognize(wav(tone(1.0)), config())

    assert raised.value.code() is grpc.StatusCode.INTERNAL
    message = raised.value.details()
    assert message.startswith("Error: internal error, request id ")
    assert "bug" not in message
    assert message.rpartition(" ")[2] in caplog.text
    assert "ZeroDivisionError: the bug" in caplog.text


def test_each_call_leaves_one_line_of_json(
    service: riva.client.ASRService, running: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The line has what an operator asks for first: id, method, model, status, message, remedy, seconds."""
    running.settle()
    with caplog.at_level("INFO", logger="pipelines.server.calls"):
        service.offline_recognize(wav(tone(1.0)), config(speech_contexts=[rasr.SpeechContext(phrases=["riva"])]))
        with pytest.raises(grpc.RpcError):
            service.offline_recognize(b"nonsense", config())
        running.settle()

    good, bad = (json.loads(record.getMessage()) for record in caplog.records)
    assert (good["method"], good["model"], good["code"], good["audio_seconds"]) == (
        "Recognize",
        "count-offline",
        "OK",
        1.0,
    )
    assert "cannot boost" in good["notes"]
    assert (bad["code"], bad["message"]) == ("INVALID_ARGUMENT", "Error: invalid format")
    assert "sample_rate_hertz" in bad["remedy"]
    assert good["request_id"] != bad["request_id"]


def test_audio_that_ends_early_is_told_to_the_operator(
    service: riva.client.ASRService, running: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is recognised as far as it goes; the line of the call says that the header promised more."""
    cut = wav(tone(2.0))[:-32000]
    running.settle()
    with caplog.at_level("INFO", logger="pipelines.server.calls"):
        assert service.offline_recognize(cut, config()).results
        list(service.streaming_response_generator(pieces(cut), streaming()))
        running.settle()

    notes = [json.loads(record.getMessage())["notes"] for record in caplog.records]
    assert notes == ["the audio ends 32000 bytes before its header says"] * 2
