"""A stream gives the words that are in its audio, soon, once, and in bounded memory."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from pipelines.speech_recognition.endpointing import EndpointingSettings
from pipelines.speech_recognition.features import FeatureSettings
from pipelines.speech_recognition.stream import Recognizer, RecognizerSettings

RATE = 16000
STREAMING = RecognizerSettings(
    features=FeatureSettings(window=400, features=8, normalize=None),
    labels=(" ", "a", "b"),
    step_ms=40,
    step_frames=4,
    chunk=16,
    left=48,
    right=32,
    endpointing=EndpointingSettings(stop_history=800),
)
OFFLINE = replace(STREAMING, chunk=3000, interim=False, separate_utterances=False)
BLANK = len(STREAMING.labels)


def network(frames):
    """Answers `a` where a time step has a high pitch, `b` where it has a low one, a space after either, else blank."""
    steps = [frames[first : first + 4].mean(0) for first in range(0, len(frames), 4)]
    labels = [BLANK if step.max() < -8 else (1 if step.argmax() > 4 else 2) for step in steps]
    labels = [0 if label == BLANK and before != BLANK else label for label, before in zip(labels, [BLANK, *labels])]  # noqa: B905
    scores = np.full((len(labels), BLANK + 1), -9.0, np.float32)
    scores[np.arange(len(labels)), labels] = -0.1
    return scores


def tones(*parts):
    """Audio of (seconds, hertz) parts; 0 Hz is silence."""
    return np.concatenate(
        [0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE) for seconds, hertz in parts]
    ).astype(np.float32)


def recognise(settings, audio, piece, overrides=None):
    """Feeds audio in pieces; returns (seconds of audio when it came, result) pairs."""
    stream, told = Recognizer(settings).stream(overrides), []
    for first in range(0, max(len(audio), 1), piece):
        for window in stream.accept(audio[first : first + piece], end=first + piece >= len(audio)):
            stream.decode(window, network(window.frames))
        told += [(stream.seconds, result) for result in stream.results()]
    return told


def finals(told):
    return [result.transcript for _, result in told if result.is_final]


AUDIO = tones((0.5, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.6, 0), (0.4, 3000), (0.7, 0))


@pytest.mark.parametrize("piece", [777, 1600, 2560, 16000, 10**6])
def test_pieces_do_not_change_the_final_results(piece):
    """Any size of the client's pieces gives the same utterances."""
    assert finals(recognise(STREAMING, AUDIO, piece)) == ["a b", "a"]


def test_offline_gives_one_result_of_one_window():
    """Audio not longer than a chunk is one window of all its frames, as NeMo would see it."""
    stream = Recognizer(OFFLINE).stream()
    windows = [*stream.accept(AUDIO[:20000]), *stream.accept(AUDIO[20000:], end=True)]

    assert [len(window.frames) for window in windows] == [len(AUDIO) // 160]
    assert windows[0].steps == slice(0, None)
    assert finals(recognise(OFFLINE, AUDIO, 30 * RATE)) == ["a b a"]


def test_offline_can_separate_utterances():
    """return_separate_utterances makes each utterance a final result of its own."""
    assert finals(recognise(replace(OFFLINE, separate_utterances=True), AUDIO, 30 * RATE)) == ["a b", "a"]


def test_words_come_within_chunk_and_right_padding():
    """The interim text holds a word at most chunk plus right padding plus half a second after the word's end."""
    told = recognise(STREAMING, AUDIO, 1600)

    came = next(seconds for seconds, result in told if result.transcript == "a")
    assert came <= 0.9 + (16 + 32) * 0.01 + 0.5


def test_interim_results_grow_until_the_final_one():
    """Interim text is told only when it changed, with a stability below 1, and is repeated by the final result."""
    told = [result for _, result in recognise(STREAMING, AUDIO, 2560)]
    first = told[: next(index for index, result in enumerate(told) if result.is_final) + 1]

    assert [result.transcript for result in first[:-1]] == ["a", "a b"]
    assert all(0 < result.stability < 1 for result in first[:-1])
    assert first[-1].transcript == "a b"


def test_times_count_from_the_start_of_the_stream():
    """Words of the second utterance keep absolute times, monotone and inside the audio."""
    words = [word for _, result in recognise(STREAMING, AUDIO, 2560) if result.is_final for word in result.words]
    times = [time for word in words for time in (word.start_ms, word.end_ms)]

    assert times == sorted(times)
    assert times == pytest.approx([500, 900, 1200, 1600, 3200, 3600], abs=60)


def test_the_first_guess_of_an_end_has_stability_one():
    """stop_history_eou of a request gives a result that is not final and has stability 1, before the final one."""
    told = [result for _, result in recognise(STREAMING, AUDIO, 2560, {"stop_history_eou": 320})]
    guess = next(index for index, result in enumerate(told) if result.stability == 1)

    assert (told[guess].is_final, told[guess].transcript) == (False, "a b")
    assert (told[guess + 1].is_final, told[guess + 1].transcript) == (True, "a b")


def test_nothing_comes_of_nothing():
    """Empty audio and silence end without a result."""
    assert recognise(STREAMING, np.zeros(0, np.float32), 2560) == []
    assert recognise(STREAMING, tones((3, 0)), 2560) == []


@pytest.mark.parametrize("samples", [1, 160, 500, 700])
def test_audio_shorter_than_a_window_is_decoded(samples):
    """A click of a few milliseconds neither fails nor asks the network for an empty window."""
    stream = Recognizer(STREAMING).stream()

    assert all(len(window.frames) for window in stream.accept(np.ones(samples, np.float32), end=True))
    assert stream.results() == []


def test_windows_of_a_stream_under_way_are_equal_in_length():
    """From the second second on all windows are equally long, so that streams share the network's batches."""
    stream, lengths = Recognizer(STREAMING).stream(), []
    for _ in range(40):
        lengths += [len(window.frames) for window in stream.accept(np.zeros(2560, np.float32))]

    assert len(set(lengths[3:])) == 1
    assert lengths[3] == pytest.approx(16 + 48 + 32, abs=1)


def test_memory_does_not_grow_with_the_stream():
    """After ten minutes of silence the state is as large as after ten seconds."""
    stream, sizes = Recognizer(STREAMING).stream(), []
    for seconds in range(600):
        for window in stream.accept(np.zeros(RATE, np.float32)):
            stream.decode(window, network(window.frames))
        stream.results()
        if seconds in (10, 599):
            sizes.append(_size(stream))

    assert sizes[1] <= sizes[0] * 1.01


def _size(thing, depth=6):
    """Bytes of an object and what it holds."""
    if isinstance(thing, np.ndarray):
        return (thing if thing.base is None else thing.base).nbytes
    own = sys.getsizeof(thing)
    if depth == 0 or isinstance(thing, str | int | float):
        return own
    held = list(getattr(thing, "__dict__", {}).values()) + (list(thing) if isinstance(thing, list | tuple) else [])
    return own + sum(_size(each, depth - 1) for each in held if not isinstance(each, Recognizer))


def test_settings_survive_json():
    """What riva-deploy writes beside the model is what the model reads."""
    settings = replace(STREAMING, features=replace(STREAMING.features, normalize={"mean": [0.5] * 8, "std": [2.0] * 8}))

    assert RecognizerSettings.from_json(settings.to_json()) == settings
