"""Automatic speech recognition with NeMo CTC models; see README.md beside this file."""

from pipelines.contract import Pipeline
from pipelines.speech_recognition.checkpoint import SUPPORTED_CLASSES
from pipelines.speech_recognition.options import COMPONENTS, SpeechRecognitionOptions
from pipelines.speech_recognition.settling import settle

__all__ = ["PIPELINE"]

PIPELINE = Pipeline(
    name="speech_recognition",
    serves="speech to text with NeMo CTC models, streaming and offline",
    options=SpeechRecognitionOptions,
    components=COMPONENTS,
    classes=tuple(SUPPORTED_CLASSES),
    settle=settle,
)
