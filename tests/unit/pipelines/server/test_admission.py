"""Past a limit calls are refused at once, waiting ones cost nothing, and every slot comes back."""

import asyncio
from collections.abc import Iterator

import grpc
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc, riva_nlp_pb2, riva_nlp_pb2_grpc

from pipelines.server.admission import StreamSlots
from pipelines.server.errors import TooManyCalls
from pipelines.server.models import Model
from pipelines.server.options import ServerOptions
from tests.counting.client import Held, config, eventually, messages, streaming, tone, wav
from tests.counting.pipeline import SLOW
from tests.counting.repository import model_config, punctuator_config
from tests.counting.running import RunningServer

SLOWLY = rasr.EndpointingConfig(start_history=SLOW)


@pytest.fixture
def running() -> Iterator[RunningServer]:
    with RunningServer(ServerOptions(max_streams=2, max_offline_requests=1, max_offline_queue=1)) as it:
        yield it


@pytest.fixture
def stub(running: RunningServer) -> Iterator[riva_asr_pb2_grpc.RivaSpeechRecognitionStub]:
    with grpc.insecure_channel(running.address) as channel:
        yield riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)


def test_streams_past_the_limit_are_refused_and_slots_come_back(
    running: RunningServer, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub
) -> None:
    """The third stream gets RESOURCE_EXHAUSTED with the limit; when one ends, or vanishes, there is room again."""
    held = [Held(*messages(streaming(), [wav(tone(0.5))])) for _ in range(2)]
    calls = [stub.StreamingRecognize(iter(each)) for each in held]
    assert eventually(lambda: len(running.triton.streams) == 2)

    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamingRecognize(messages(streaming(), [wav(tone(0.5))])))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "count-online serves 2 at once" in raised.value.details()

    calls[0].cancel()
    held[0].closed.set()
    assert eventually(lambda: len(running.triton.streams) == 1)
    assert list(stub.StreamingRecognize(messages(streaming(), [wav(tone(1.0))])))
    held[1].closed.set()
    list(calls[1])


def test_recordings_wait_their_turn_and_too_many_are_refused(
    running: RunningServer, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub
) -> None:
    """One is served, one waits, the third is refused; a waiting client that gives up leaves its place to others."""
    request = rasr.RecognizeRequest(config=config(endpointing_config=SLOWLY), audio=wav(tone(1.0)))
    served = stub.Recognize.future(request)
    assert eventually(lambda: bool(running.triton.streams) or bool(running.triton.requests))
    waiting = stub.Recognize.future(request)
    gate = running.server._gate
    assert eventually(lambda: gate.waiting == 1)

    with pytest.raises(grpc.RpcError) as raised:
        stub.Recognize(request)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "1 are being served and 1 are waiting" in raised.value.details()

    waiting.cancel()
    assert eventually(lambda: gate.waiting == 0)
    assert stub.Recognize(request).results
    assert served.result().results


def test_a_slot_is_given_back_when_its_stream_fails() -> None:
    """An error inside does not eat the slot; the limit of the flag goes over that of the model."""
    model = Model("one", {"max_streams": "1"})
    slots = StreamSlots()
    with pytest.raises(RuntimeError), slots.take(model):
        raise RuntimeError
    with slots.take(model), pytest.raises(TooManyCalls), slots.take(model):
        pass
    more = StreamSlots(2)
    with more.take(model), more.take(model):
        pass


def test_a_model_without_a_limit_has_none() -> None:
    """A configuration that does not say max_streams admits every stream."""
    slots, model = StreamSlots(), Model("any", {})
    with slots.take(model), slots.take(model), slots.take(model):
        pass


def test_clients_that_vanish_at_any_moment_leave_the_gate_as_it_was(
    running: RunningServer, stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub
) -> None:
    """Cancelled while waiting, while sending, or while being recognised: afterwards all places are free."""
    request = rasr.RecognizeRequest(config=config(), audio=wav(tone(20.0)))
    for index in range(30):
        call = stub.Recognize.future(request)
        running.do(asyncio.sleep(0.001 * (index % 7)))
        call.cancel()

    gate = running.server._gate
    assert eventually(lambda: gate.waiting == 0 and gate.serving == 0)
    assert eventually(lambda: not running.triton.streams)
    assert stub.Recognize(request).results


def test_texts_have_limits_of_their_own() -> None:
    """One call is served, one waits, the third is refused; recordings are not held up by texts, nor texts by them."""
    options = ServerOptions(max_text_requests=1, max_text_queue=1, max_offline_requests=1, max_offline_queue=0)
    configs = [model_config("count-offline", "offline"), punctuator_config("marks")]
    with RunningServer(options, configs=configs) as running, grpc.insecure_channel(running.address) as channel:
        texts = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel)
        request = riva_nlp_pb2.TextTransformRequest(text=["slow"])
        served = texts.PunctuateText.future(request)
        assert eventually(lambda: len(running.triton.transformed) == 1)
        waiting = texts.TransformText.future(request)
        assert eventually(lambda: running.server._text_gate.waiting == 1)

        with pytest.raises(grpc.RpcError) as raised:
            texts.PunctuateText(request)
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "1 are being served and 1 are waiting" in raised.value.details()
        recordings = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
        assert recordings.Recognize(rasr.RecognizeRequest(config=config(), audio=wav(tone(1.0)))).results
        assert [list(call.result().text) for call in (served, waiting)] == [["Slow!"]] * 2
