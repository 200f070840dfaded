"""What one call asks for: the request's configuration, checked against what is deployed."""

from dataclasses import dataclass
from typing import Any

from pipelines.server.audio.format import Declared, Encoding
from pipelines.server.errors import (
    ChannelCount,
    InvalidFormat,
    OutOfRange,
    SeparateRecognition,
    UnavailableModel,
    UnsupportedOption,
)
from pipelines.server.models import Model
from pipelines.speech_recognition.endpointing import EndpointingSettings
from pipelines.speech_recognition.profanity import ProfanityFilter
from pipelines.speech_recognition.punctuating import choose_punctuator

__all__ = ["Recognition", "choose_model"]


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """One call's wishes.

    Attributes:
        model: The pipeline that recognises.
        declared: What the request says about its audio.
        word_time_offsets: Whether final results list their words with times.
        profanity: Masks words, or None.
        punctuator: Gives final results marks and capitals, or None.
        pipeline_config: What the pipeline is told at the start of the sequence.
        notes: Wishes that were not granted, for the operator's log.
    """

    model: Model
    declared: Declared
    word_time_offsets: bool
    profanity: ProfanityFilter | None
    punctuator: Model | None
    pipeline_config: dict[str, Any]
    notes: tuple[str, ...]

    @classmethod
    def parse(cls, config: Any, *, models: list[Model], punctuators: list[Model], kind: str) -> "Recognition":
        """Reads a `RecognitionConfig` message.

        Args:
            config: The message.
            models: The speech recognition pipelines that are deployed.
            punctuators: The punctuation pipelines that are deployed.
            kind: `online` or `offline`, by the RPC that was called.

        Raises:
            RequestRejected: The call cannot be served like this.
        """
        model = choose_model(config, models=models, kind=kind)
        if config.enable_separate_recognition_per_channel:
            raise SeparateRecognition
        if config.audio_channel_count > 1:
            raise ChannelCount(config.audio_channel_count)
        if config.diarization_config.enable_speaker_diarization and kind == "offline":
            raise UnsupportedOption(
                "Error: speaker diarization is not available",
                "No diarizer is deployed; leave diarization_config unset.",
            )
        punctuator = None
        if config.enable_automatic_punctuation:
            punctuator = choose_punctuator(_language_of(config, model), punctuators)
        return cls(
            model=model,
            declared=Declared(_encoding(config.encoding), config.sample_rate_hertz, config.audio_channel_count),
            word_time_offsets=config.enable_word_time_offsets,
            profanity=ProfanityFilter.of(model) if config.profanity_filter else None,
            punctuator=punctuator,
            pipeline_config=_pipeline_config(config),
            notes=tuple(_notes(config, model, punctuator)),
        )


def choose_model(config: Any, *, models: list[Model], kind: str) -> Model:
    """The pipeline for a request: the one named, else by language and mode; the model's rate breaks a tie.

    Raises:
        UnavailableModel: None fits.
    """
    fitting = [model for model in models if model.kind == kind]
    if config.model:
        fitting = [model for model in fitting if model.name == config.model]
    else:
        fitting = [model for model in fitting if config.language_code in model.language_codes]
        fitting.sort(key=lambda model: model.sample_rate != config.sample_rate_hertz)
    if fitting:
        return fitting[0]
    asked: dict[str, object] = {"language_code": config.language_code}
    if config.model:
        asked["model"] = config.model
    if config.sample_rate_hertz:
        asked["sample_rate"] = config.sample_rate_hertz
    raise UnavailableModel({**asked, "type": kind}, [str(model) for model in models])


def _encoding(number: int) -> Encoding:
    try:
        return Encoding(number)
    except ValueError:
        raise InvalidFormat(f"Encoding {number} is unknown; known are {', '.join(e.name for e in Encoding)}.") from None


def _pipeline_config(config: Any) -> dict[str, Any]:
    """What the pipeline reads at the start of a sequence; unset fields keep what the pipeline was built with.

    Raises:
        OutOfRange: A value means nothing.
    """
    endpointing = {field.name: value for field, value in config.endpointing_config.ListFields()}
    try:
        EndpointingSettings().overridden(endpointing)
    except ValueError as error:
        raise OutOfRange(str(error)) from error
    told: dict[str, Any] = {"max_alternatives": config.max_alternatives or 1}
    return {**told, "endpointing": endpointing} if endpointing else told


def _language_of(config: Any, model: Model) -> str:
    """The request's language, or that of the pipeline which it names instead."""
    return str(config.language_code) or next(iter(model.language_codes), "")


def _notes(config: Any, model: Model, punctuator: Model | None) -> list[str]:
    """Wishes that Riva's greedy pipelines pass over without a word; here the log has the word."""
    notes = []
    if any(context.phrases for context in config.speech_contexts):
        decoder = model.parameters.get("decoder_type", "greedy")
        notes.append(f"speech_contexts ignored: the {decoder} decoder cannot boost words")
    if config.enable_automatic_punctuation and punctuator is None:
        notes.append(f"no punctuation: no punctuation model for {_language_of(config, model)} is deployed")
    if config.max_alternatives > 1:
        notes.append("one alternative only: the greedy decoder has no others")
    if config.diarization_config.enable_speaker_diarization:
        notes.append("diarization_config ignored: diarization is for offline recognition")
    return notes
