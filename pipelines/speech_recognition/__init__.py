"""Automatic speech recognition with NeMo CTC models; see README.md beside this file."""

from pipelines.contract import Pipeline
from pipelines.speech_recognition import checkpoint
from pipelines.speech_recognition.options import COMPONENTS, SpeechRecognitionOptions
from pipelines.speech_recognition.settling import settle

__all__ = ["PIPELINE"]

PIPELINE = Pipeline(
    name="speech_recognition",
    package=__name__,
    serves="speech to text with NeMo CTC models, streaming and offline",
    service="asr",
    options=SpeechRecognitionOptions,
    components=COMPONENTS,
    modes={"streaming": {"streaming": True}, "offline": {"offline": True}},
    limits=("streaming", "offline", "streaming_minus_offline"),
    settle=settle,
    checkpoint=checkpoint,
)
