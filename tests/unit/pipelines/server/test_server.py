"""The whole API server before a fake Triton, called with the stock client: answers, errors, limits."""

import asyncio
import json
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
import riva.client
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc, riva_tts_pb2, riva_tts_pb2_grpc

from pipelines.errors import PortTaken
from pipelines.server.app import Server
from pipelines.server.options import ServerOptions
from pipelines.speech_recognition import handler
from tests.counting.client import Held, config, eventually, messages, pieces, streaming, tone, transcripts, wav
from tests.counting.fake_triton import FakeTriton
from tests.counting.pipeline import FAIL, SLOW
from tests.counting.repository import model_config
from tests.counting.running import RunningServer


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    configs = [
        model_config("count-online", "online", profane_words="hz450\nhz600"),
        model_config("count-offline", "offline"),
        model_config("count-german", "online", language_code="de-DE,de-CH"),
    ]
    with RunningServer(
        ServerOptions(services=("asr", "tts"), config_timeout=0.5, idle_timeout=0.8), configs=configs
    ) as it:
        yield it


@pytest.fixture(scope="module")
def service(running: RunningServer) -> Iterator[riva.client.ASRService]:
    auth = riva.client.Auth(uri=running.address)
    yield riva.client.ASRService(auth)
    auth.channel.close()


@pytest.fixture
def stub(running: RunningServer) -> Iterator[riva_asr_pb2_grpc.RivaSpeechRecognitionStub]:
    with grpc.insecure_channel(running.address) as channel:
        yield riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)


def test_offline_answers_with_words_and_times(service: riva.client.ASRService) -> None:
    """A recording comes back as one result with times in milliseconds, the audio's length and the request's id."""
    response = service.offline_recognize(wav(tone(3.0)), config(enable_word_time_offsets=True))

    (result,) = response.results
    (best,) = result.alternatives
    assert best.transcript == "hz450 hz450 hz450 "
    assert [(w.word, w.start_time, w.end_time) for w in best.words] == [
        ("hz450", 0, 1000),
        ("hz450", 1000, 2000),
        ("hz450", 2000, 3000),
    ]
    assert result.channel_tag == 1
    assert result.audio_processed == pytest.approx(3.0)


def test_words_only_come_when_asked_for(service: riva.client.ASRService) -> None:
    """Without enable_word_time_offsets there are no words."""
    response = service.offline_recognize(wav(tone(2.0)), config())

    assert not response.results[0].alternatives[0].words


def test_request_id_comes_back(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """The caller's id is in the answer of both methods; a caller without one gets one to quote."""
    request = rasr.RecognizeRequest(config=config(), audio=wav(tone(1.0)))
    assert stub.Recognize(request).id.value
    request.id.value = "mine"
    assert stub.Recognize(request).id.value == "mine"

    first = rasr.StreamingRecognizeRequest(streaming_config=streaming())
    first.id.value = "theirs"
    rest = [rasr.StreamingRecognizeRequest(audio_content=wav(tone(1.0)))]
    assert {response.id.value for response in stub.StreamingRecognize(iter([first, *rest]))} == {"theirs"}


def test_long_recordings_go_in_pieces(service: riva.client.ASRService, running: RunningServer) -> None:
    """Triton gets at most 30 s at a time, in one sequence from START to END."""
    running.triton.requests.clear()

    response = service.offline_recognize(wav(tone(70.0)), config())

    assert len(response.results[0].alternatives[0].transcript.split()) == 70
    assert [(start, end, samples / 16000) for _, start, end, samples in running.triton.requests] == [
        (True, False, 30),
        (False, False, 30),
        (False, True, 10),
    ]


@pytest.mark.parametrize("size", [640, 3200, 5120, 32000])
@pytest.mark.parametrize("interim", [False, True])
def test_streaming_says_the_same_for_any_message_size(
    service: riva.client.ASRService, size: int, interim: bool
) -> None:
    """The final transcript does not depend on how the audio was cut."""
    responses = service.streaming_response_generator(pieces(wav(tone(7.2)), size), streaming(interim=interim))

    assert transcripts(responses) == ["hz450 hz450 hz450 hz450 hz450 ", "hz450 hz450 "]


@pytest.mark.parametrize(("seconds", "size"), [(7.2, 640), (7.2, 5120), (7.2, 40000), (5.0, 5120)])
def test_interim_results_answer_every_message_once(service: riva.client.ASRService, seconds: float, size: int) -> None:
    """Riva's own client computes latency only if there are as many responses as audio messages, or one more."""
    chunks = pieces(wav(tone(seconds)), size)

    responses = list(service.streaming_response_generator(chunks, streaming(interim=True)))

    assert len(responses) - len(chunks) in (0, 1)
    assert len(responses) == len(chunks) or responses[-1].results[0].is_final
    results = [result for response in responses for result in response.results]
    assert all(0 < result.stability < 1 for result in results if not result.is_final)
    processed = [result.audio_processed for result in results]
    assert processed == sorted(processed)
    assert processed[-1] == pytest.approx(seconds, abs=1e-3)


def test_without_interim_results_only_finals_come(service: riva.client.ASRService) -> None:
    """A client that did not ask for interim results gets none."""
    responses = list(service.streaming_response_generator(pieces(wav(tone(7.2))), streaming()))

    assert len(responses) == 2
    assert all(result.is_final for response in responses for result in response.results)


def test_small_messages_do_not_cost_a_request_each(service: riva.client.ASRService, running: RunningServer) -> None:
    """Telephony's 20 ms are collected before Triton is asked."""
    running.triton.requests.clear()

    list(
        service.streaming_response_generator(
            pieces(tone(4.0).tobytes(), 640), streaming(encoding=1, sample_rate_hertz=16000)
        )
    )

    assert len(running.triton.requests) <= 4.0 / 0.04 + 1


def test_a_whole_recording_in_one_message(service: riva.client.ASRService, running: RunningServer) -> None:
    """A large message is passed on a part at a time, answered once, and every utterance of it is in the answer."""
    running.triton.requests.clear()

    responses = list(service.streaming_response_generator([wav(tone(62.0))], streaming(interim=True)))

    assert transcripts(iter(responses)) == ["hz450 hz450 hz450 hz450 hz450 "] * 12 + ["hz450 hz450 "]
    assert len(responses) == 2
    assert max(samples for *_, samples in running.triton.requests) <= handler.PIECE_BYTES


def test_endpointing_travels_to_the_pipeline(service: riva.client.ASRService) -> None:
    """What the request says about endpointing reaches the pipeline; the counting one ends utterances by it."""
    setting = streaming(endpointing_config=rasr.EndpointingConfig(stop_history=2000))

    finals = transcripts(service.streaming_response_generator(pieces(wav(tone(6.0))), setting))

    assert finals == ["hz450 hz450 "] * 3


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_rates_are_resampled(service: riva.client.ASRService, rate: int) -> None:
    """The pipeline hears the same tone whatever rate the audio has."""
    response = service.offline_recognize(wav(tone(2.0, rate=rate), rate=rate), config(sample_rate_hertz=rate))

    assert response.results[0].alternatives[0].transcript == "hz450 hz450 "


@pytest.mark.parametrize("audio", [b"", wav(np.zeros(0, "<i2"))], ids=["no bytes", "header only"])
def test_empty_audio_is_no_error(service: riva.client.ASRService, audio: bytes) -> None:
    """Nothing in, nothing out."""
    assert not service.offline_recognize(audio, config()).results
    assert not list(service.streaming_response_generator([audio], streaming()))


def test_stream_closed_before_any_message(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """A client that changes its mind gets OK and no response."""
    call = stub.StreamingRecognize(iter(()))

    assert list(call) == []
    assert call.code() is grpc.StatusCode.OK


def test_profanity_is_masked_with_the_pipelines_own_words(service: riva.client.ASRService) -> None:
    """The first letter stays; words with offsets are masked as well."""
    setting = streaming(profanity_filter=True, enable_word_time_offsets=True)

    (final,) = [
        result.alternatives[0]
        for response in service.streaming_response_generator(pieces(wav(tone(2.0))), setting)
        for result in response.results
    ]

    assert final.transcript == "h**** h**** "
    assert {word.word for word in final.words} == {"h****"}


def test_unknown_wishes_are_tolerated(service: riva.client.ASRService) -> None:
    """Riva's C++ client always sends a custom key, an empty speech context and a diarization_config."""
    setting = config(
        custom_configuration={"test_key": "test_value"},
        speech_contexts=[rasr.SpeechContext()],
        diarization_config=rasr.SpeakerDiarizationConfig(),
        max_alternatives=3,
        enable_automatic_punctuation=True,
    )

    assert service.offline_recognize(wav(tone(1.0)), setting).results


def test_configuration_lists_what_clients_look_for(stub: riva_asr_pb2_grpc.RivaSpeechRecognitionStub) -> None:
    """Every pipeline with its parameters as Triton has them; a name filters."""
    everything = stub.GetRivaSpeechRecognitionConfig(rasr.RivaSpeechRecognitionConfigRequest())
    one = stub.GetRivaSpeechRecognitionConfig(rasr.RivaSpeechRecognitionConfigRequest(model_name="count-offline"))

    assert [model.model_name for model in everything.model_config] == ["count-german", "count-offline", "count-online"]
    (offline,) = one.model_config
    assert offline.parameters["type"] == "offline"
    assert offline.parameters["language_code"] == "en-US"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({"language_code": "de-CH"}, "count-german"), ({"language_code": "", "model": "count-german"}, "count-german")],
)
def test_models_are_chosen_by_language_or_name(
    service: riva.client.ASRService, running: RunningServer, capsys, wanted: dict[str, str], found: str
) -> None:
    """One of several languages of a model will do; a name needs no language."""
    assert transcripts(service.streaming_response_generator([wav(tone(1.0))], streaming(**wanted))) == ["hz450 "]


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


def test_two_servers_do_not_share_a_port(running: RunningServer) -> None:
    """Linux would let both listen and hand calls to either; the second says that the port is taken."""
    triton = FakeTriton([model_config("count-online", "online")])

    async def second() -> None:
        uri = await triton.start()
        server = Server(ServerOptions(riva_uri=running.address, triton_uri=uri))
        try:
            with pytest.raises(PortTaken, match="cannot listen on"):
                await server.start()
        finally:
            await server.stop()
            await triton.stop()

    asyncio.run(second())


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


def test_each_call_leaves_one_line_of_json(service: riva.client.ASRService, caplog: pytest.LogCaptureFixture) -> None:
    """The line has what an operator asks for first: id, method, model, status, message, remedy, seconds."""
    with caplog.at_level("INFO", logger="pipelines.server.calls"):
        service.offline_recognize(wav(tone(1.0)), config(speech_contexts=[rasr.SpeechContext(phrases=["riva"])]))
        with pytest.raises(grpc.RpcError):
            service.offline_recognize(b"nonsense", config())
        assert eventually(lambda: len(caplog.records) == 2)

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
