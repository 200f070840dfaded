"""Utterances end where blanks say so."""

import pytest

from pipelines.speech_recognition.endpointing import Endpointer, EndpointingSettings

STEP = 40


def blanks(pattern):
    """`_` is a blank time step, anything else is speech."""
    return [mark == "_" for mark in pattern]


def stops(pattern, chunk=4, **settings):
    """Steps after which an utterance ended."""
    endpointer, found, position = Endpointer(EndpointingSettings(**settings), step_ms=STEP), [], 0
    steps = blanks(pattern)
    while position < len(steps):
        part = steps[position : position + chunk]
        while len(part):
            stop = endpointer.next_stop(part)
            used = len(part) if stop is None else stop
            position += used
            if stop is not None:
                found.append(position)
                endpointer.reset()
            part = part[used:]
    return found


SPEECH = "__xx_x_x__xx"


@pytest.mark.parametrize("chunk", [1, 3, 4, 100])
def test_an_utterance_ends_after_the_silence_of_stop_history(chunk):
    """With 400 ms of history it ends ten blank steps after the last token, whatever the chunks; silence ends none."""
    pattern = "_" * 30 + SPEECH + "_" * 40 + SPEECH + "_" * 9

    assert stops(pattern, chunk, stop_history=400) == [30 + len(SPEECH) + 10]


def test_two_utterances_end_twice():
    """After an end the next utterance is looked for."""
    pattern = SPEECH + "_" * 12 + SPEECH + "_" * 12

    assert stops(pattern, stop_history=400) == [len(SPEECH) + 10, 2 * len(SPEECH) + 12 + 10]


def test_a_single_short_word_still_ends():
    """One token is below the start threshold; it ends when all of stop_history is blank."""
    assert stops("_" * 20 + "x" + "_" * 30, stop_history=400, start_threshold=0.5) == [31]


@pytest.mark.parametrize("stop_history", [400, 20_000])
def test_the_silence_before_speech_is_no_silence_after_it(stop_history):
    """A few tokens after a long silence are a beginning, however much blank the window around them holds."""
    assert stops("_" * 600 + "x___x" + "_" * 4, stop_history=stop_history, stop_threshold=0.8) == []


def test_zero_never_ends_an_utterance():
    """stop_history = 0 is for long-form transcription."""
    assert stops(SPEECH + "_" * 500, stop_history=0) == []


def test_the_threshold_allows_a_few_tokens():
    """At 0.8 two of ten steps may be speech."""
    assert stops(SPEECH + "____x____x" * 2, stop_history=400, stop_threshold=0.8) != []
    assert stops(SPEECH + "____x____x" * 2, stop_history=400, stop_threshold=0.98) == []


def test_a_pause_is_the_first_guess_of_an_end():
    """stop_history_eou tells earlier; speech that goes on takes it back."""
    endpointer = Endpointer(EndpointingSettings(stop_history=800, stop_history_eou=200), step_ms=STEP)
    told = []
    for part in (SPEECH, "____", "____", "xx__", "________"):
        endpointer.next_stop(blanks(part))
        told.append(endpointer.paused)

    assert told == [False, False, True, False, True]


def test_a_request_overrides_what_it_names():
    """Only the given parameters change."""
    settings = EndpointingSettings(start_history=200).overridden({"stop_history": 500, "stop_threshold": 0.9})

    assert settings == EndpointingSettings(start_history=200, stop_history=500, stop_threshold=0.9)


@pytest.mark.parametrize(
    "values", [{"stop_histroy": 1}, {"stop_history": -1}, {"stop_threshold": 1.5}, {"start_history": "soon"}]
)
def test_impossible_overrides_are_refused(values):
    """A misspelled name or a value out of range is an error of the request."""
    with pytest.raises(ValueError, match=r"endpointing|invalid literal"):
        EndpointingSettings().overridden(values)
