"""Which services answer, and what those that do not say."""

import grpc
import pytest
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc, riva_tts_pb2, riva_tts_pb2_grpc

from pipelines.server.options import ServerOptions
from tests.counting.running import RunningServer


def test_configuration_lists_what_clients_look_for(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """Every pipeline with its parameters as Triton has them; a name filters."""
    everything = stub.GetRivaSpeechRecognitionConfig(rasr.RivaSpeechRecognitionConfigRequest())
    one = stub.GetRivaSpeechRecognitionConfig(rasr.RivaSpeechRecognitionConfigRequest(model_name="count-offline"))

    assert [model.model_name for model in everything.model_config] == ["count-german", "count-offline", "count-online"]
    (offline,) = one.model_config
    assert offline.parameters["type"] == "offline"
    assert offline.parameters["language_code"] == "en-US"


def test_absent_service_answers_by_name(running: RunningServer) -> None:
    """A service without a room says so instead of leaving the caller to guess."""
    with grpc.insecure_channel(running.address) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            riva_tts_pb2_grpc.RivaSpeechSynthesisStub(channel).Synthesize(
                riva_tts_pb2.SynthesizeSpeechRequest(text="x")
            )
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert "nvidia.riva.tts.RivaSpeechSynthesis" in raised.value.details()

        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/some.other.Service/Call")(b"")
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_service_that_is_asked_for_in_vain_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The guide's command enables services that have no room yet; the log says what becomes of them."""
    with RunningServer(ServerOptions(services=("asr", "nmt"))):
        pass

    assert "nvidia.riva.nmt.RivaTranslation is not in the open runtime yet" in caplog.text
