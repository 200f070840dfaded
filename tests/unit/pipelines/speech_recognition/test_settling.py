"""Options are completed from mode and model, and checked together."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.flags import flags_of, from_mapping, value_of
from pipelines.errors import NotAnArchive, UsageError
from pipelines.speech_recognition.options import SpeechRecognitionOptions
from pipelines.speech_recognition.settling import settle


def manifest(stride_ms=40, **others):
    """What a `.riva` with the given time step says of itself."""
    return {
        "artifacts": {"model_graph.onnx": {}, "model_config.yaml": {}},
        "riva_ci": {"stride_ms": stride_ms},
        **others,
    }


def settled(values, stride_ms=40):
    """Settles options that are typed as `values`, with a language unless one is there."""
    values = {"language_code": "en-US", **values}
    return settle(from_mapping(SpeechRecognitionOptions, values), set(values), [manifest(stride_ms)])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"streaming": True, "offline": False, "chunk_size": 0.16, "left_padding_size": 1.92}),
        ({}, {"return_separate_utterances": False, "ms_per_timestep": 40.0, "max_streams": 16}),
        ({"offline": True}, {"streaming": False, "chunk_size": 30.0, "right_padding_size": 1.92}),
        ({"offline": True}, {"return_separate_utterances": True, "max_streams": 64}),
        ({"streaming": False}, {"offline": True, "chunk_size": 30.0}),
        ({"streaming": True, "offline": False}, {"offline": False, "streaming": True}),
        ({"offline": True, "streaming": False}, {"offline": True, "streaming": False}),
        ({"padding_size": 0.8}, {"left_padding_size": 0.8, "right_padding_size": 0.8}),
        ({"left_padding_size": 0.0}, {"left_padding_size": 0.0, "right_padding_size": 1.92}),
        ({"chunk_size": 0.8, "max_streams": 2}, {"chunk_size": 0.8, "max_streams": 2}),
        ({"return_separate_utterances": True}, {"return_separate_utterances": True, "streaming": True}),
    ],
)
def test_what_is_open_is_filled_from_mode_and_model(values, expected):
    """What was typed stays; the rest follows from streaming or offline, and from the model's time step."""
    options = settled(values)

    found = {f.name: value_of(options, f) for f in flags_of(SpeechRecognitionOptions) if f.name in expected}
    assert expected == found


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"language_code": None}, "--language_code is missing"),
        ({"language_code": "english"}, "--language_code=english is not a BCP-47 language code"),
        ({"language_code": "xx-XX"}, "--language_code=xx-XX is not a BCP-47 language code"),
        ({"language_code": ""}, "is not a BCP-47 language code"),
        ({"language_code": "en-US,de-DE"}, "is not a BCP-47 language code"),
        ({"language_code": "en_US"}, "should be written en-US"),
        ({"language_code": "en-us"}, "should be written en-US"),
        ({"language_code": "en-UK"}, "should be written en-GB"),
        ({"language_code": "en-USA"}, "USA is not a region"),
        ({"name": ""}, "cannot name a Triton model"),
        ({"name": "my model"}, "--name=my model cannot name a Triton model"),
        ({"name": "../up"}, "cannot name a Triton model"),
        ({"name": ".hidden"}, "cannot name a Triton model"),
        ({"name": "x" * 129}, "cannot name a Triton model"),
        ({"offline": True, "streaming": True}, "--offline=True and --streaming=True contradict each other"),
        ({"offline": False, "streaming": False}, "--offline=False and --streaming=False contradict each other"),
        ({"padding_size": 0.8, "left_padding_size": 0.8}, "leave it out beside --left_padding_size"),
        ({"ms_per_timestep": 80.0}, "--ms_per_timestep=80 but the model's time step is 40 ms"),
        ({"chunk_size": 0.1}, "--chunk_size=0.1 is not a multiple of the model's time step (40 ms); 0.08 or 0.12"),
        ({"chunk_size": 0.01}, "(40 ms); 0.04 would be"),
        ({"left_padding_size": 1.93}, "--left_padding_size=1.93 is not a multiple"),
        ({"right_padding_size": 1.9}, "--right_padding_size=1.9 is not a multiple"),
        ({"endpointing.stop_history": 810}, "--endpointing.stop_history=810 is not a multiple"),
        ({"endpointing.stop_history_eou": 30}, "--endpointing.stop_history_eou=30 is not a multiple"),
        ({"endpointing.stop_th": 1.5}, "--endpointing.stop_th=1.5 is not between 0 and 1"),
        ({"endpointing.start_th": -0.1}, "--endpointing.start_th=-0.1 is not between 0 and 1"),
        ({"endpointing.start_history": -1}, "--endpointing.start_history=-1 must not be negative"),
        ({"chunk_size": 0.0}, "--chunk_size=0 must be positive"),
        ({"chunk_size": -0.16}, "--chunk_size=-0.16 must be positive"),
        ({"left_padding_size": -0.4}, "--left_padding_size=-0.4 must not be negative"),
        ({"max_batch_size": 0}, "--max_batch_size=0 must be positive"),
        ({"max_streams": 0}, "--max_streams=0 must be positive"),
        ({"nn.opt_batch_size": -4}, "--nn.opt_batch_size=-4 must be positive"),
        ({"profane_words_file": "nowhere.txt"}, "--profane_words_file=nowhere.txt: there is no such file"),
    ],
    ids=lambda value: ",".join(f"{k}={v}"[:40] for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_impossible_options_are_named(values, complaint):
    """An option that cannot be is named with its value, and with the nearest that can where there is one."""
    with pytest.raises(UsageError) as caught:
        settled(values)

    assert complaint in str(caught.value)


def test_all_problems_are_reported_together():
    """A person who made four mistakes is told four mistakes."""
    with pytest.raises(UsageError, match="4 problems with the options") as caught:
        settled({"language_code": "english", "chunk_size": 0.1, "name": "my model", "endpointing.stop_th": 2.0})

    assert all(name in str(caught.value) for name in ("language_code", "chunk_size", "my model", "stop_th"))


@pytest.mark.parametrize("code", ["en-US", "de-DE", "es-419", "zh-CN", "sr-Latn-RS", "es-US", "ar-AR", "en"])
def test_languages_of_the_registry_are_accepted(code):
    """Codes that Riva's models carry, regions by number and scripts included, are taken as they are."""
    assert settled({"language_code": code}).language_code == code


@given(step=st.sampled_from([10, 20, 40, 80]), steps=st.integers(1, 2000), left=st.integers(0, 100))
def test_every_multiple_of_the_time_step_is_accepted(step, steps, left):
    """Decimal seconds that are whole time steps pass, however they round in binary."""
    options = settled({"chunk_size": steps * step / 1000, "left_padding_size": left * step / 1000}, stride_ms=step)

    assert options.chunk_size == steps * step / 1000


@pytest.mark.parametrize(("chunk_size", "fits"), [(78.08, True), (78.4, False), (300.0, False)])
def test_windows_fit_into_the_graph(chunk_size, fits):
    """A window longer than the exported graph takes is refused here, and the export that takes it is told."""
    facts = manifest(40, riva_ci={"stride_ms": 40, "subsampling": 4, "max_frames": 8192})
    typed = SpeechRecognitionOptions(language_code="en-US", offline=True, chunk_size=chunk_size)

    if fits:
        assert settle(typed, {"chunk_size"}, [facts]).chunk_size == chunk_size
    else:
        frames = round((chunk_size + 3.84) * 100)
        with pytest.raises(UsageError, match=rf"graph takes 81\.92 s at most.*nemo2riva --max-dim={frames}"):
            settle(typed, {"chunk_size"}, [facts])


def test_a_neighbour_of_a_multiple_is_refused():
    """Half a time step off is refused whatever the chunk's length: accuracy would be lost without a word."""
    with pytest.raises(UsageError, match="not a multiple"):
        settled({"chunk_size": 899.98})


@pytest.mark.parametrize("stride_ms", [None, 0, -20, "forty"])
def test_a_model_that_does_not_tell_its_time_step_is_refused(stride_ms):
    """Without the model's time step nothing can be checked."""
    with pytest.raises(NotAnArchive, match="time step"):
        settled({}, stride_ms=stride_ms)


def test_a_model_without_graph_is_refused():
    """The graph and its configuration must be in the `.riva`."""
    with pytest.raises(NotAnArchive, match=r"lacks model_graph\.onnx"):
        settle(SpeechRecognitionOptions(), set(), [manifest(artifacts={"model_config.yaml": {}})])


def test_one_acoustic_model_is_expected():
    """A second `.riva`, such as an n-gram model, is not dropped in silence."""
    with pytest.raises(UsageError, match="one acoustic model, got 2"):
        settle(SpeechRecognitionOptions(language_code="en-US"), set(), [manifest(), manifest()])


def test_files_that_exist_pass(tmp_path: Path):
    """A file that is there is accepted."""
    words = tmp_path / "words.txt"
    words.touch()

    assert settled({"profane_words_file": str(words)}).profane_words_file == words


def test_a_word_list_must_be_text(tmp_path: Path):
    """A profanity list in another encoding is refused here, not by the server that would read it."""
    words = tmp_path / "words.txt"
    words.write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match="not UTF-8"):
        settled({"profane_words_file": str(words)})
