"""Which services answer, and what those that do not say."""

from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc, riva_nlp_pb2, riva_nlp_pb2_grpc, riva_tts_pb2, riva_tts_pb2_grpc

from pipelines.server.options import ServerOptions
from pipelines.server.services import FULL_NAMES
from tests.counting.repository import model_config, punctuator_config
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


@pytest.fixture(scope="module")
def both() -> Iterator[RunningServer]:
    """A server that offers both services, and has pipelines of each."""
    configs = [
        model_config("count-online", "online"),
        punctuator_config("marks-en"),
        punctuator_config("marks-fr", "fr-FR"),
    ]
    with RunningServer(ServerOptions(services=("asr", "nlp")), configs=configs) as it:
        yield it


def test_each_service_lists_its_own(both: RunningServer) -> None:
    """What clients choose from: names, with the options that each pipeline was built with."""
    with grpc.insecure_channel(both.address) as channel:
        stub = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel)
        everything = stub.GetRivaNLPConfig(riva_nlp_pb2.RivaNLPConfigRequest())
        one = stub.GetRivaNLPConfig(riva_nlp_pb2.RivaNLPConfigRequest(model_name="marks-fr"))
        with pytest.raises(grpc.RpcError) as raised:
            stub.GetRivaNLPConfig(riva_nlp_pb2.RivaNLPConfigRequest(model_name="count-online"))

    assert [model.model_name for model in everything.model_config] == ["marks-en", "marks-fr"]
    assert [model.parameters["language_code"] for model in one.model_config] == ["fr-FR"]
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "model=count-online; " in raised.value.details()


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("ClassifyText", "TextClassRequest"),
        ("ClassifyTokens", "TokenClassRequest"),
        ("AnalyzeEntities", "AnalyzeEntitiesRequest"),
        ("AnalyzeIntent", "AnalyzeIntentRequest"),
        ("NaturalQuery", "NaturalQueryRequest"),
    ],
)
def test_a_method_whose_room_is_missing_says_so_by_name(both: RunningServer, method: str, request_type: str) -> None:
    """Five rooms share this service; what the missing ones would answer is refused, not left to guess."""
    with grpc.insecure_channel(both.address) as channel:
        stub = riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel)
        with pytest.raises(grpc.RpcError) as raised:
            getattr(stub, method)(getattr(riva_nlp_pb2, request_type)())

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    name = f"nvidia.riva.nlp.RivaLanguageUnderstanding/{method}"
    assert raised.value.details() == f"Error: {name} is not in the open runtime yet"


def test_a_service_that_is_switched_off_says_so() -> None:
    """--nlp_service=false hides the service, although its pipeline is there."""
    configs = [model_config("count-online", "online"), punctuator_config("marks-en")]
    with (
        RunningServer(ServerOptions(services=("asr",)), configs=configs) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        with pytest.raises(grpc.RpcError) as raised:
            riva_nlp_pb2_grpc.RivaLanguageUnderstandingStub(channel).PunctuateText(riva_nlp_pb2.TextTransformRequest())
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details().endswith("RivaLanguageUnderstanding is switched off on this server")


@pytest.mark.parametrize(
    ("deployed", "serving"),
    [({"asr", "nlp"}, {"", "asr", "nlp"}), ({"asr"}, {"", "asr"}), ({"nlp"}, {"", "nlp"}), (set(), set())],
    ids=["both", "only recognition", "only punctuation", "nothing"],
)
def test_health_is_that_of_each_service(deployed: set[str], serving: set[str]) -> None:
    """The guide starts every service, whatever is deployed: the server serves if one of them does."""
    configs = {"asr": model_config("count-online", "online"), "nlp": punctuator_config("marks-en")}
    with (
        RunningServer(ServerOptions(), configs=[configs[service] for service in sorted(deployed)]) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        found = {
            service
            for service in ("", "asr", "nlp")
            if stub.Check(health_pb2.HealthCheckRequest(service=FULL_NAMES.get(service, ""))).status
            == health_pb2.HealthCheckResponse.SERVING
        }

    assert found == serving
