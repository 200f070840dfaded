"""Streams that fall silent, end early or vanish, and what Triton hears of them."""

import grpc
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from pipelines.speech_recognition import handler
from tests.counting.client import Held, eventually, messages, streaming, tone, transcripts, wav
from tests.counting.pipeline import SLOW
from tests.counting.running import RunningServer


def test_stream_closed_before_any_message(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """A client that changes its mind gets OK and no response."""
    call = stub.StreamingRecognize(iter(()))

    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK


def test_silent_stream_is_ended_and_its_sequence_too(
    stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, running: RunningServer
) -> None:
    """Past the idle limit a stream ends with a status that says so, and Triton hears of it."""
    held = Held(*messages(streaming(), [wav(tone(0.5))]))
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamingRecognize(iter(held)))
    held.closed.set()

    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "0.8 seconds" in raised.value.details()
    assert eventually(lambda: not running.triton.streams)


def test_silent_stream_is_kept_alive_in_triton(
    stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a stream is silent Triton gets empty audio, so that it does not forget the sequence."""
    monkeypatch.setattr(handler, "KEEP_ALIVE_SECONDS", 0.1)
    running.triton.requests.clear()
    held = Held(*messages(streaming(), [wav(tone(1.0))]))
    call = stub.StreamingRecognize(iter(held))

    assert eventually(lambda: [samples for *_, samples in running.triton.requests].count(0) >= 3)
    held.closed.set()
    assert transcripts(call) == ["hz450 "]


def test_client_that_vanishes_leaves_no_sequence(
    stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub, running: RunningServer
) -> None:
    """Whether it hangs up while Triton works or while it is idle, the sequence is ended, after what was under way."""
    for fault in (0, SLOW):
        running.triton.requests.clear()
        setting = streaming(endpointing_config=rasr.EndpointingConfig(start_history=fault))
        held = Held(*messages(setting, [wav(tone(0.5))]))
        call = stub.StreamingRecognize(iter(held))
        assert eventually(lambda: bool(running.triton.streams))
        call.cancel()
        held.closed.set()

        assert eventually(lambda: not running.triton.streams)
        assert [end for _, _, end, _ in running.triton.requests] == [False, True]
