"""What the pipeline found becomes Riva's messages."""

from typing import Any

from pipelines.server.audio.format import Declared
from pipelines.server.models import Model
from pipelines.speech_recognition.profanity import ProfanityFilter
from pipelines.speech_recognition.recognition import Recognition
from pipelines.speech_recognition.responses import offline_response, streaming_response


def wanted(*, words: bool = False, profanity: bool = False) -> Recognition:
    return Recognition(
        model=Model("any", {}),
        declared=Declared(),
        word_time_offsets=words,
        profanity=ProfanityFilter(frozenset({"two"})) if profanity else None,
        punctuator=None,
        pipeline_config={},
        notes=(),
    )


def found(text: str, *, final: bool, stability: float = 0.0) -> dict[str, Any]:
    words = [
        {"word": word, "start_ms": 100 * index, "end_ms": 100 * index + 90, "confidence": 0.5}
        for index, word in enumerate(text.split())
    ]
    return {"is_final": final, "transcript": text, "confidence": 0.7, "stability": stability, "words": words}


def result(*results: dict[str, Any], seconds: float = 1.0) -> dict[str, Any]:
    return {"results": list(results), "audio_processed": seconds}


def test_finals_of_all_results_and_the_newest_interim() -> None:
    """Utterances that ended since the last response are all told; of what is still open only the newest word counts."""
    results = [
        result(found("one two", final=True), found("thr", final=False, stability=0.9), seconds=1.0),
        result(found("three", final=False, stability=1.0), seconds=2.0),
        result(seconds=3.0),
    ]

    response = streaming_response(results, recognition=wanted(), interim=True, request_id="id")

    told = [(r.is_final, r.alternatives[0].transcript, r.stability, r.audio_processed) for r in response.results]
    assert told == [(True, "one two ", 0.0, 1.0), (False, "three", 1.0, 2.0)]
    assert response.id.value == "id"


def test_interim_results_have_neither_words_nor_confidence() -> None:
    """Times and confidence belong to final results."""
    results = [result(found("one two", final=False, stability=0.5))]

    (interim,) = streaming_response(results, recognition=wanted(words=True), interim=True, request_id="").results

    assert not interim.alternatives[0].words
    assert interim.alternatives[0].confidence == 0


def test_words_have_milliseconds_and_are_masked() -> None:
    """Each word has its own times; the profanity filter does not stop at the transcript."""
    results = [result(found("one two", final=True))]

    (final,) = streaming_response(
        results, recognition=wanted(words=True, profanity=True), interim=False, request_id=""
    ).results

    best = final.alternatives[0]
    assert best.transcript == "one t** "
    assert [(w.word, w.start_time, w.end_time, w.confidence) for w in best.words] == [
        ("one", 0, 90, 0.5),
        ("t**", 100, 190, 0.5),
    ]


def test_a_recordings_results_carry_its_whole_length() -> None:
    """Utterances of all pieces, in order, with the length of the recording; transcripts can be joined as they are."""
    pieces = [result(found("one", final=True), seconds=30.0), result(found("two", final=True), seconds=42.0)]

    response = offline_response(pieces, recognition=wanted(), request_id="id")

    assert "".join(r.alternatives[0].transcript for r in response.results) == "one two "
    assert [r.audio_processed for r in response.results] == [42.0, 42.0]
    assert [r.channel_tag for r in response.results] == [1, 1]
