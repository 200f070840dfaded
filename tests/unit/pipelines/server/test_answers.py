"""What the API server answers, whatever way the audio comes."""

import numpy as np
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2 as rasr
from riva.client.proto import riva_asr_pb2_grpc

from pipelines.speech_recognition import handler
from tests.counting.client import config, pieces, streaming, tone, transcripts, wav
from tests.counting.running import RunningServer


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


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({"language_code": "de-CH"}, "count-german"), ({"language_code": "", "model": "count-german"}, "count-german")],
)
def test_models_are_chosen_by_language_or_name(
    service: riva.client.ASRService, running: RunningServer, capsys, wanted: dict[str, str], found: str
) -> None:
    """One of several languages of a model will do; a name needs no language."""
    assert transcripts(service.streaming_response_generator([wav(tone(1.0))], streaming(**wanted))) == ["hz450 "]
