"""Which pipeline a request gets, and what the operator is told about wishes that were passed over."""

import pytest
from riva.client.proto import riva_asr_pb2 as rasr

from pipelines.server.errors import OutOfRange, UnavailableModel, UnsupportedOption
from pipelines.server.models import Model
from pipelines.speech_recognition.recognition import Recognition, choose_model


def model(name: str, kind: str = "online", language: str = "en-US", rate: int = 16000) -> Model:
    return Model(name, {"service": "asr", "type": kind, "language_code": language, "sample_rate": str(rate)})


DEPLOYED = [
    model("a-offline", "offline"),
    model("b-telephone", rate=8000),
    model("c-wide"),
    model("d-many", language="de-DE, de-AT,fr-FR"),
]


PUNCTUATORS = [
    Model(name, {"pipeline": "punctuation", "language_code": code})
    for name, code in (("p-austrian", "de-AT"), ("p-french", "fr-FR"), ("p-too", "fr-FR"))
]


@pytest.mark.parametrize(
    ("wanted", "kind", "found"),
    [
        ({"language_code": "en-US"}, "offline", "a-offline"),
        ({"language_code": "en-US", "sample_rate_hertz": 8000}, "online", "b-telephone"),
        ({"language_code": "en-US", "sample_rate_hertz": 16000}, "online", "c-wide"),
        ({"language_code": "en-US", "sample_rate_hertz": 44100}, "online", "b-telephone"),
        ({"language_code": "de-AT"}, "online", "d-many"),
        ({"language_code": "xx-XX", "model": "c-wide"}, "online", "c-wide"),
    ],
)
def test_choice(wanted: dict[str, object], kind: str, found: str) -> None:
    """A name decides; otherwise language and mode, and the rate breaks a tie."""
    assert choose_model(rasr.RecognitionConfig(**wanted), models=DEPLOYED, kind=kind).name == found


@pytest.mark.parametrize(
    ("wanted", "kind", "parameters"),
    [
        ({"language_code": "de"}, "online", "language_code=de; type=online; "),
        ({}, "offline", "language_code=; type=offline; "),
        (
            {"language_code": "fr-FR", "sample_rate_hertz": 8000},
            "offline",
            "language_code=fr-FR; sample_rate=8000; type=offline; ",
        ),
        (
            {"language_code": "en-US", "model": "A-offline"},
            "offline",
            "language_code=en-US; model=A-offline; type=offline; ",
        ),
    ],
)
def test_no_choice_is_told_with_what_there_is(wanted: dict[str, object], kind: str, parameters: str) -> None:
    """The message has the parameters in Riva's order and form; the remedy lists what is deployed."""
    with pytest.raises(UnavailableModel) as raised:
        choose_model(rasr.RecognitionConfig(**wanted), models=DEPLOYED, kind=kind)

    assert raised.value.message == f"Error: Unavailable model requested given these parameters: {parameters}"
    assert "d-many (de-DE,de-AT,fr-FR, online)" in raised.value.remedy


def parse(kind: str = "online", **wishes: object) -> Recognition:
    config = rasr.RecognitionConfig(**{"language_code": "en-US", **wishes})
    return Recognition.parse(config, models=DEPLOYED, punctuators=PUNCTUATORS, kind=kind)


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"speech_contexts": [rasr.SpeechContext(phrases=["x"], boost=20)]}, "speech_contexts"),
        ({"enable_automatic_punctuation": True}, "no punctuation model for en-US"),
        ({"enable_automatic_punctuation": True, "language_code": "", "model": "c-wide"}, "model for en-US"),
        ({"max_alternatives": 5}, "alternative"),
        ({"diarization_config": rasr.SpeakerDiarizationConfig(enable_speaker_diarization=True)}, "diarization"),
    ],
)
def test_wishes_passed_over_are_noted(wishes: dict[str, object], word: str) -> None:
    """As with Riva's greedy pipelines the call goes on; here the log says what had no effect."""
    assert any(word in note for note in parse(**wishes).notes)


def test_a_plain_request_has_no_notes() -> None:
    """What Riva's C++ client always sends is no wish."""
    assert parse(speech_contexts=[rasr.SpeechContext()], custom_configuration={"test_key": "test_value"}).notes == ()


def test_diarization_of_a_recording_is_refused() -> None:
    """Speakers would be missing from the answer without a word."""
    with pytest.raises(UnsupportedOption):
        parse("offline", diarization_config=rasr.SpeakerDiarizationConfig(enable_speaker_diarization=True))


def test_only_endpointing_that_was_set_reaches_the_pipeline() -> None:
    """Zero can be meant (stop_history=0 never ends an utterance), unset keeps what was built in."""
    told = parse(endpointing_config=rasr.EndpointingConfig(stop_history=0, stop_threshold=0.5)).pipeline_config

    assert told["endpointing"] == {"stop_history": 0, "stop_threshold": 0.5}
    assert "endpointing" not in parse().pipeline_config


@pytest.mark.parametrize(
    ("wishes", "punctuator"),
    [
        ({"language_code": "de-AT"}, "p-austrian"),
        ({"language_code": "fr-FR"}, "p-french"),
        ({"language_code": "de-DE"}, None),
        ({"language_code": "", "model": "d-many"}, None),
        ({"language_code": "fr-FR", "enable_automatic_punctuation": False}, None),
    ],
    ids=[
        "of the language",
        "the first of several",
        "a region is a language",
        "the first of the model's",
        "not asked for",
    ],
)
def test_the_punctuator_speaks_the_language_of_the_request(wishes: dict[str, object], punctuator: str | None) -> None:
    """Languages are compared whole; without a language in the request that of the named pipeline counts."""
    found = parse(**{"enable_automatic_punctuation": True, **wishes}).punctuator

    assert (found and found.name) == punctuator


@pytest.mark.parametrize(
    ("endpointing", "said"),
    [
        ({"stop_threshold": 5.0}, "endpointing.stop_threshold = 5.0: expected 0 to 1"),
        ({"start_threshold": -0.1}, "expected 0 to 1"),
        ({"stop_history": -5}, "endpointing.stop_history = -5: expected at least 0"),
        ({"stop_history_eou": -1}, "expected at least 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_impossible_endpointing_is_the_callers_mistake(endpointing: dict[str, float], said: str) -> None:
    """It is refused before any audio is read, with the range in the message."""
    with pytest.raises(OutOfRange, match=said):
        parse(endpointing_config=rasr.EndpointingConfig(**endpointing))


def test_endpointing_that_is_possible_travels_as_it_is() -> None:
    """Only what was set is told to the pipeline, zero included."""
    wanted = parse(endpointing_config=rasr.EndpointingConfig(stop_history=0, stop_threshold=1.0))

    assert wanted.pipeline_config["endpointing"] == {"stop_history": 0, "stop_threshold": 1.0}
