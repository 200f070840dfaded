"""`ci.conformance.checks`: what the wrong servers of tests/conformance do not show one by one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from riva.client.proto import riva_asr_pb2 as asr

from ci.conformance.checks import status, text, words
from ci.conformance.checks.evidence import Answer, Evidence
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation, Utterance
from ci.conformance.exchange import Call, Exchange, Reply, Request
from ci.conformance.server import Listing
from ci.conformance.subject import Subject


@pytest.fixture
def utterance(tmp_path: Path) -> Utterance:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    return Utterance(tmp_path / "a.wav", "one two three")


def answer(
    utterance: Utterance,
    transcript: str,
    *,
    times: Sequence[tuple[int, int]] = (),
    code: str = "OK",
    details: str = "",
) -> Answer:
    """An offline answer to a second of audio, with words at `times` in ms."""
    spoken = [
        asr.WordInfo(word=word, start_time=start, end_time=end)
        for word, (start, end) in zip(transcript.split(), times, strict=False)
    ]
    alternative = asr.SpeechRecognitionAlternative(transcript=transcript, words=spoken)
    result = asr.SpeechRecognitionResult(alternatives=[alternative] if transcript else [], audio_processed=1.0)
    replies = (Reply(asr.RecognizeResponse(results=[result]), 0.1),)
    return Answer("a", Exchange(Request(Call.OFFLINE, utterance), replies, code, details, audio_seconds=1.0))


def evidence(*answers: Answer, **names: Any) -> Evidence:
    return Evidence(answers, Subject(Listing(), Declaration(), Evaluation()), names)


TIMES = {
    "in order": ([(0, 100), (100, 200), (300, 400)], None),
    "a word that ends before it starts": ([(0, 100), (200, 150), (300, 400)], "200 to 150 ms"),
    "a word before the one before it": ([(100, 200), (50, 80), (300, 400)], "50 to 80 ms"),
    "a word after the audio": ([(0, 100), (100, 200), (900, 1500)], "900 to 1500 ms"),
    "a word too few": ([(0, 100), (100, 200)], "one two"),
    "no duration": ([(5, 5), (5, 5), (5, 5)], "all words start and end at one instant"),
}


@pytest.mark.parametrize(("times", "got"), TIMES.values(), ids=TIMES)
def test_word_times(utterance: Utterance, times: list[tuple[int, int]], got: str | None) -> None:
    """Each fault is told once, with the times that are wrong."""
    verdict = words.word_offsets(True, evidence(answer(utterance, "one two three", times=times)))

    assert [finding.got for finding in verdict.findings] == ([] if got is None else [got])


def test_an_empty_transcript_is_wrong_whatever_the_limit(utterance: Utterance) -> None:
    """One of a hundred empty transcripts hides well in a word error rate."""
    answers = [answer(utterance, "one two three")] * 99 + [answer(utterance, "")]

    verdict = text.word_error_rate({"limit": 0.5}, evidence(*answers))

    assert [finding.got for finding in verdict.findings] == ["an empty transcript"]
    assert verdict.facts == {"word error rate, offline": "1.00% of 50.00%"}


STATUSES = {
    "as expected": ("INVALID_ARGUMENT", "Error: no model; type=offline; ", True),
    "another code": ("NOT_FOUND", "Error: no model; type=offline; ", False),
    "another beginning": ("INVALID_ARGUMENT", "No model; type=offline; ", False),
    "another end": ("INVALID_ARGUMENT", "Error: no model; type=online; ", False),
}


@pytest.mark.parametrize(("code", "details", "fine"), STATUSES.values(), ids=STATUSES)
def test_a_status_is_its_code_and_its_text(utterance: Utterance, code: str, details: str, fine: bool) -> None:
    """Clients match both."""
    expected = {"code": "INVALID_ARGUMENT", "starts": "Error: ", "ends": "type=${type}; "}

    verdict = status.status(expected, evidence(answer(utterance, "", code=code, details=details), type="offline"))

    assert (not verdict.findings) is fine
    assert fine or verdict.findings[0].expected == (
        "INVALID_ARGUMENT, message starting with 'Error: ' and ending with 'type=offline; '"
    )
