"""Transcripts with marks: final results only, each word with the times that it had."""

from collections.abc import Iterator

import grpc
import pytest
import riva.client

from pipelines.server.options import ServerOptions
from tests.counting.client import config, pieces, streaming, tone, wav
from tests.counting.repository import model_config, punctuator_config
from tests.counting.running import RunningServer

MARKED = {"enable_automatic_punctuation": True, "enable_word_time_offsets": True}


@pytest.fixture(scope="module", params=[("asr", "nlp"), ("asr",)], ids=["both services", "without nlp_service"])
def running(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Recognition uses a punctuator whether or not its own service is offered, as Riva's Quick Start needs it."""
    configs = [
        model_config("count-online", "online", profane_words="hz450"),
        model_config("count-offline", "offline"),
        model_config("count-german", "online", language_code="de-DE"),
        punctuator_config("marks-en"),
        punctuator_config("marks-fr", "fr-FR"),
    ]
    with RunningServer(ServerOptions(services=request.param), configs=configs) as it:
        yield it


@pytest.fixture
def service(running: RunningServer) -> Iterator[riva.client.ASRService]:
    auth = riva.client.Auth(uri=running.address)
    running.triton.transformed.clear()
    yield riva.client.ASRService(auth)
    auth.channel.close()


def test_offline_words_keep_their_times(service: riva.client.ASRService, running: RunningServer) -> None:
    """Transcript and words are the punctuator's, offsets and confidence the recogniser's."""
    response = service.offline_recognize(wav(tone(3.0)), config(**MARKED))

    (best,) = response.results[0].alternatives
    assert best.transcript == "Hz450 Hz450 Hz450! "
    assert [(w.word, w.start_time, w.end_time) for w in best.words] == [
        ("Hz450", 0, 1000),
        ("Hz450", 1000, 2000),
        ("Hz450!", 2000, 3000),
    ]
    assert running.triton.transformed == [("marks-en", ["hz450 hz450 hz450"])]


def test_streamed_finals_have_marks_and_interim_results_none(
    service: riva.client.ASRService, running: RunningServer
) -> None:
    """One request to the punctuator for each final result, and none for what may still change."""
    responses = service.streaming_response_generator(pieces(wav(tone(7.2))), streaming(interim=True, **MARKED))
    results = [result for response in responses for result in response.results]

    finals = [result.alternatives[0] for result in results if result.is_final]
    assert [final.transcript for final in finals] == ["Hz450 Hz450 Hz450 Hz450 Hz450! ", "Hz450 Hz450! "]
    assert [word.word for word in finals[1].words] == ["Hz450", "Hz450!"]
    assert all(result.alternatives[0].transcript.islower() for result in results if not result.is_final)
    assert len(running.triton.transformed) == 2


def test_masked_words_keep_their_marks(service: riva.client.ASRService, running: RunningServer) -> None:
    """The punctuator sees what was said; what is masked afterwards keeps its capital and its mark."""
    setting = streaming(profanity_filter=True, **MARKED)

    (final,) = [
        result.alternatives[0]
        for response in service.streaming_response_generator(pieces(wav(tone(2.0))), setting)
        for result in response.results
    ]

    assert final.transcript == "H**** H****! "
    assert [word.word for word in final.words] == ["H****", "H****!"]
    assert running.triton.transformed == [("marks-en", ["hz450 hz450"])]


@pytest.mark.parametrize(
    "wanted",
    [{"language_code": "de-DE"}, {"language_code": "en-US", "enable_automatic_punctuation": False}],
    ids=["no punctuator of the language", "not asked for"],
)
def test_without_a_punctuator_the_transcript_is_plain(
    service: riva.client.ASRService, running: RunningServer, wanted: dict[str, object]
) -> None:
    """Riva's own clients ask for marks unless they are told not to, so it is no error that there are none."""
    responses = service.streaming_response_generator([wav(tone(1.0))], streaming(**{**MARKED, **wanted}))

    assert [r.alternatives[0].transcript for response in responses for r in response.results] == ["hz450 "]
    assert not running.triton.transformed


def test_a_punctuator_that_fails_ends_the_call(
    service: riva.client.ASRService, running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transcript without the marks that were asked for would look like a right one."""
    monkeypatch.setattr("tests.counting.fake_triton.FAILING_TEXT", "hz450")

    with pytest.raises(grpc.RpcError) as raised:
        service.offline_recognize(wav(tone(1.0)), config(**MARKED))

    assert raised.value.code() is grpc.StatusCode.UNKNOWN
    assert "the punctuator was told to fail" in raised.value.details()
