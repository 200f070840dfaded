"""The model: its class has a recipe, and everything is there that its export needs."""

from pipelines.errors import UnsupportedCheckpoint, WrongClass
from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "ARTIFACT_PRESENT",
    "CLASS_NAMED",
    "CLASS_SUPPORTED",
    "ENCODER_SUPPORTED",
    "LABELS_PRESENT",
    "PIPELINE_FITS",
    "PREPROCESSOR_SUPPORTED",
    "TOKENIZER_PRESENT",
    "VOCABULARY_PRESENT",
    "WEIGHTS_PRESENT",
]

_NEMO2RIVA = "https://github.com/nvidia-riva/nemo2riva/blob/main/README.md"
_SAVING = "https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/core/core.html#save-and-restore"
_SAVE_AGAIN = "save the model again with NeMo's save_to() where it was trained"

CLASS_NAMED = Rule(
    id="class-named",
    title="The configuration names the class of the model",
    outcome=Outcome.FAILS,
    why="without its class no recipe can be chosen, and NeMo cannot restore it",
    fix=_SAVE_AGAIN,
    link="https://github.com/NVIDIA-NeMo/Speech/issues/3462",
)
CLASS_SUPPORTED = Rule(
    id="class-supported",
    title="The class of the model can be exported and served here",
    outcome=Outcome.FAILS,
    why="an export without a recipe ends in an error hours later, or in a graph that answers wrongly",
    fix="choose a model of a class that is listed in pipelines/README.md",
    link=_NEMO2RIVA,
    error=UnsupportedCheckpoint,
    target="cpu",
)
WEIGHTS_PRESENT = Rule(
    id="weights-present",
    title="The archive holds the weights",
    outcome=Outcome.FAILS,
    why="an archive without weights cannot be restored; it was made by hand, or its weights are sharded",
    fix=_SAVE_AGAIN,
    link=_SAVING,
)
ARTIFACT_PRESENT = Rule(
    id="artifact-present",
    title="Every file that the configuration refers to is in the archive",
    outcome=Outcome.FAILS,
    why="NeMo would fail to restore it; the archive was probably unpacked and packed again without the file",
    fix=_SAVE_AGAIN,
    link=_SAVING,
)
TOKENIZER_PRESENT = Rule(
    id="tokenizer-present",
    title="A model with a tokenizer carries the tokenizer's files",
    outcome=Outcome.FAILS,
    why="the outputs of the model cannot be written as text without its tokenizer",
    fix=_SAVE_AGAIN,
    link=_SAVING,
)
PREPROCESSOR_SUPPORTED = Rule(
    id="preprocessor-supported",
    title="The served pipeline computes the features that the model was trained on",
    outcome=Outcome.FAILS,
    why="the served pipeline computes mel spectrograms and no other features",
    fix="train on mel spectrograms (AudioToMelSpectrogramPreprocessor)",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/2642",
    error=UnsupportedCheckpoint,
    target="cpu",
)
ENCODER_SUPPORTED = Rule(
    id="encoder-supported",
    title="Exports of the encoder were compared with NeMo",
    outcome=Outcome.FAILS,
    why="the export of an encoder that was never compared with NeMo may answer differently from the checkpoint",
    fix="use an encoder that is listed in speech_recognition/checkpoint.py",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/2979",
    error=UnsupportedCheckpoint,
    target="cpu",
)
VOCABULARY_PRESENT = Rule(
    id="vocabulary-present",
    title="A CTC model names the tokens of its outputs",
    outcome=Outcome.FAILS,
    why="the outputs would have no meaning",
    fix=_SAVE_AGAIN,
    link=_NEMO2RIVA,
)
LABELS_PRESENT = Rule(
    id="labels-present",
    title="A model that classifies carries the names of its classes",
    outcome=Outcome.FAILS,
    why="the outputs would have no meaning",
    fix=_SAVE_AGAIN,
    link=_NEMO2RIVA,
)
PIPELINE_FITS = Rule(
    id="pipeline-fits",
    title="The pipeline that was named serves models of this class",
    outcome=Outcome.FAILS,
    why="riva-build would refuse the export of it, after the work of exporting it",
    fix="name the pipeline that serves the class",
    link="https://docs.nvidia.com/deeplearning/riva/archives/2-19-0/model-overview.html",
    error=WrongClass,
)
