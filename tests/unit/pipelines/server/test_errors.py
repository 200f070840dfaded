"""What a client is told when a call cannot be answered: Riva's status and words, and a remedy."""

import grpc
import pytest
import riva.client
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from tests.counting.client import Held, config, eventually, messages, pieces, streaming, tone, wav
from tests.counting.pipeline import FAIL
from tests.counting.running import RunningServer

UNAVAILABLE = "Error: Unavailable model requested given these parameters: "
OFFLINE_ERRORS = {
    "no such language": (
        config(language_code="fr-FR", sample_rate_hertz=16000),
        wav(tone(1.0)),
        UNAVAILABLE + "language_code=fr-FR; sample_rate=16000; type=offline; ",
    ),
    "language must match exactly": (
        config(language_code="en"),
        wav(tone(1.0)),
        UNAVAILABLE + "language_code=en; type=offline; ",
    ),
    "no such model": (
        config(model="nothing"),
        wav(tone(1.0)),
        UNAVAILABLE + "language_code=en-US; model=nothing; type=offline; ",
    ),
    "model of the other mode": (
        config(model="count-online"),
        wav(tone(1.0)),
        UNAVAILABLE + "language_code=en-US; model=count-online; type=offline; ",
    ),
    "other rate": (
        config(sample_rate_hertz=8000),
        wav(tone(1.0)),
        "Error: config format doesn't match with header format",
    ),
    "other encoding": (config(encoding=2), wav(tone(1.0)), "Error: config format doesn't match with header format"),
    "unknown container": (config(), b"not audio at all", "Error: invalid format"),
    "unknown encoding": (config(encoding=17), wav(tone(1.0)), "Error: invalid format"),
    "two channels": (config(), wav(tone(1.0), channels=2), "Error: channel count must be 1"),
    "two channels declared": (config(audio_channel_count=2), wav(tone(1.0)), "Error: channel count must be 1"),
    "separate recognition": (
        config(enable_separate_recognition_per_channel=True),
        wav(tone(1.0)),
        "Error: separate recognition per channel not yet supported",
    ),
}


def remedy(error: grpc.RpcError) -> str:
    """The remedy in the rich details of a status."""
    packed = dict(error.trailing_metadata())["grpc-status-details-bin"]
    details: list[any_pb2.Any] = list(status_pb2.Status.FromString(packed).details)
    help_, info = error_details_pb2.Help(), error_details_pb2.ErrorInfo()
    assert details[0].Unpack(info)
    assert info.domain == "riva"
    assert details[1].Unpack(help_)
    return help_.links[0].description


@pytest.mark.parametrize("name", OFFLINE_ERRORS)
def test_errors_are_riva_s_word_for_word(service: riva.client.ASRService, name: str) -> None:
    """INVALID_ARGUMENT with the known text, and the remedy in the details, for both methods."""
    setting, audio, message = OFFLINE_ERRORS[name]

    with pytest.raises(grpc.RpcError) as raised:
        service.offline_recognize(audio, setting)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, message)
    assert remedy(raised.value)

    online = rasr.StreamingRecognitionConfig(config=setting)
    if online.config.model == "count-online":
        online.config.model = "count-offline"
    with pytest.raises(grpc.RpcError) as raised:
        list(service.streaming_response_generator(pieces(audio), online))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == message.replace("count-online", "count-offline").replace("type=off", "type=on")


CONFIG_MISSING = "Error: First StreamingRecognize request must contain RecognitionConfig"


def test_audio_before_the_configuration(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """A stream that begins with audio is told what it forgot."""
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamingRecognize(iter([rasr.StreamingRecognizeRequest(audio_content=b"1234")])))

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, CONFIG_MISSING)


def test_stream_that_sends_nothing_is_ended(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """An open stream without a configuration does not stay for ever."""
    held = Held()
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamingRecognize(iter(held)))
    held.closed.set()

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, CONFIG_MISSING)


def test_second_configuration_is_refused(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """A stream is configured once."""
    requests = [*messages(streaming(), [wav(tone(0.5))]), *messages(streaming(), [])]
    with pytest.raises(grpc.RpcError) as raised:
        list(stub.StreamingRecognize(iter(requests)))

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_failure_of_the_pipeline(service: riva.client.ASRService, running: RunningServer) -> None:
    """What Triton says reaches the client with Riva's status and words, and nothing of the stream is left."""
    failing = rasr.EndpointingConfig(start_history=FAIL)
    expected = "Error: Triton model failed during inference. Error message: the counting pipeline was told to fail"

    with pytest.raises(grpc.RpcError) as raised:
        service.offline_recognize(wav(tone(1.0)), config(endpointing_config=failing))
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, expected)

    with pytest.raises(grpc.RpcError) as raised:
        list(service.streaming_response_generator(pieces(wav(tone(1.0))), streaming(endpointing_config=failing)))
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNKNOWN, expected)
    assert eventually(lambda: not running.triton.streams)
