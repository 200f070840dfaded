"""What the names of a checkpoint claim: it must be what is inside."""

from pipelines.verdict.findings import Outcome, Rule

__all__ = [
    "ALPHABET_AS_NAMED",
    "ARCHITECTURE_AS_NAMED",
    "LANGUAGE_AS_NAMED",
    "PRECISION_AS_NAMED",
    "SAMPLE_RATE_AS_NAMED",
]

_RENAME = "correct the name, or put the checkpoint there that the name speaks of"
# A published bundle called fp32 was assembled from the int8 encoder: the label alone said what it was.
_MIXED_UP = "https://github.com/k2-fsa/sherpa-onnx/blob/master/.github/workflows/export-nemo-parakeet-tdt-0.6b-v2.yaml"

LANGUAGE_AS_NAMED = Rule(
    id="language-as-named",
    title="The model writes the language that its name claims",
    outcome=Outcome.FAILS,
    why="a pipeline is registered under its language: clients that ask for it would get another one",
    fix=_RENAME,
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4889",
)
ALPHABET_AS_NAMED = Rule(
    id="alphabet-as-named",
    title="The tokens hold letters of the language that the name claims",
    outcome=Outcome.WORKS,  # a team may have trained on text without them
    why="a model of another language that uses the same alphabet is easily taken for the right one",
    fix=_RENAME,
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4889",
)
PRECISION_AS_NAMED = Rule(
    id="precision-as-named",
    title="The weights have the precision that the name claims",
    outcome=Outcome.FAILS,
    why="memory, speed and accuracy are planned by the name of a release",
    fix=_RENAME,
    link=_MIXED_UP,
)
SAMPLE_RATE_AS_NAMED = Rule(
    id="sample-rate-as-named",
    title="The model takes the sample rate that its name claims",
    outcome=Outcome.FAILS,
    why="audio of another rate is resampled, and a model hears nothing above half of its rate",
    fix=_RENAME,
    link="https://github.com/dusty-nv/jetson-containers/issues/366",
)
ARCHITECTURE_AS_NAMED = Rule(
    id="architecture-as-named",
    title="The model is of the architecture that its name claims",
    outcome=Outcome.FAILS,
    why="the options of riva-build are chosen by the architecture, and a wrong choice shows as bad transcripts only",
    fix=_RENAME,
    link=_MIXED_UP,
)
