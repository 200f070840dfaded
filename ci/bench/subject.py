"""What is measured: Conformers and BERTs, taken through our own tools once; speech and texts for them."""

import random
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ci import environments
from ci.conformance.evaluation import read_evaluation
from ci.environments import ROOT
from ci.errors import StageFailed
from ci.pipeline.display import stage_bar
from ci.pipeline.run import run_checkpoint
from ci.pipeline.stages import BUILD
from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.outputs import atomic_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["BERTS", "LANGUAGE", "RATE", "SIZES", "Subject", "Utterance", "prepare", "speech", "texts"]

LANGUAGE = "en-US"
RATE = 16000
SIZES = ("2m", "13m")  # of Conformers, in parameters
BERTS = ("bert-sample", "bert-base")  # the punctuation sample, and the size of those that Riva ships

_PUNCTUATION = ROOT / "checkpoints" / "punctuation-en-US"
_TRAINED = {
    "2m": ROOT / "tests" / "assets" / "asr-en-US-conformer" / "model.nemo",
    "bert-sample": _PUNCTUATION / "model.nemo",
}
_MAKE_UNTRAINED = {
    **{size: ("scripts.samples.untrained", size) for size in SIZES},
    "bert-base": ("scripts.samples.untrained_bert",),
}
_EVALUATION = ROOT / "checkpoints" / "asr-en-US-commands" / "evaluation"
_SPEECH = {
    "pipeline": "speech_recognition",
    "builds": {"streaming": {"name": "streaming"}, "offline": {"name": "offline"}},
}
_TEXT = {"pipeline": "punctuation", "builds": {"punctuation": {"name": "punctuation"}}}
_PIPELINES: dict[str, dict[str, Any]] = {**dict.fromkeys(SIZES, _SPEECH), **dict.fromkeys(BERTS, _TEXT)}
_PAUSE = 0.3  # seconds of silence between the sentences of an utterance
_LENGTHS = (5.0, 15.0)  # seconds of an utterance


@dataclass(frozen=True)
class Utterance:
    """Speech to recognise.

    Attributes:
        pcm: 16-bit samples at `RATE`, as they go over the wire.
    """

    pcm: "npt.NDArray[np.int16]"

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / RATE

    @property
    def samples(self) -> "npt.NDArray[np.float32]":
        """The same in [-1, 1]."""
        import numpy as np

        return self.pcm.astype(np.float32) / np.float32(1 << 15)


def speech(count: int) -> list[Utterance]:
    """Utterances of 5 to 15 s, made of sentences of the sample's evaluation set; the same at every call.

    Raises:
        BadEvaluation: The evaluation set is not there.
    """
    import numpy as np

    rng = random.Random(0)  # noqa: S311 - not for secrets
    sentences = read_evaluation(_EVALUATION).utterances
    pause = np.zeros(round(_PAUSE * RATE), np.float32)
    utterances = []
    for _ in range(count):
        length = round(rng.uniform(*_LENGTHS) * RATE)
        samples = np.empty(0, np.float32)
        while len(samples) < length:
            samples = np.concatenate([samples, rng.choice(sentences).samples, pause])
        utterances.append(Utterance((samples[:length] * ((1 << 15) - 1)).astype(np.int16)))
    return utterances


def texts() -> list[str]:
    """Texts without marks, of a sentence or several: those of the punctuation sample's evaluation set.

    Raises:
        BadEvaluation: The evaluation set is not there.
    """
    return [passage.text for passage in read_evaluation(_PUNCTUATION / "evaluation").passages]


@dataclass(frozen=True)
class Subject:
    """A deployed model.

    Attributes:
        size: One of `SIZES` or of `BERTS`.
        nemo: The checkpoint.
        folder: The outputs of the stages.
    """

    size: str
    nemo: Path
    folder: Path

    @property
    def name(self) -> str:
        """How figures call it."""
        return self.size if self.size in BERTS else f"conformer-{self.size}"

    @property
    def models(self) -> Path:
        """Its model repository."""
        return self.folder / "models"

    @property
    def riva(self) -> Path:
        """Its `.riva`."""
        return self.folder / f"{self.folder.name}.riva"

    @cached_property
    def graph(self) -> Path:
        """The graph as it was exported."""
        path = self.folder / "model_graph.onnx"
        path.unlink(missing_ok=True)  # of an earlier run, perhaps of another checkpoint
        with self._riva() as riva:
            riva.extract("model_graph.onnx", path)
        return path

    @cached_property
    def config(self) -> dict[str, Any]:
        """NeMo's configuration of the checkpoint."""
        with self._riva() as riva:
            config: dict[str, Any] = yaml.safe_load(riva.read("model_config.yaml"))
            return config

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What nemo2riva found out about the graph."""
        with self._riva() as riva:
            facts: dict[str, Any] = riva.manifest["riva_ci"]
            return facts

    def _riva(self) -> Archive:
        return Archive.open(EncryptedPath(self.riva))


def prepare(size: str) -> Subject:
    """Makes the checkpoint if need be and takes it through the stages up to deploy; unchanged, that costs nothing.

    Raises:
        StageFailed: A stage failed.
    """
    folder = BUILD / "bench" / f"bench-{size}"
    nemo = _TRAINED.get(size)
    if nemo is None or not nemo.exists():
        nemo = folder / "model.nemo"
        if not nemo.exists():
            _make_untrained(size, nemo)
    declaration = {"checkpoint": {"path": str(nemo)}, "language": LANGUAGE, "version": "1.0.0", **_PIPELINES[size]}
    with atomic_file(folder / "pipeline.yaml", force=True) as partial:
        partial.write_text(yaml.safe_dump(declaration), encoding="utf-8")
    run_checkpoint(folder, until="deploy", on_row=lambda row: None)
    return Subject(size, nemo, BUILD / folder.name)


def _make_untrained(size: str, path: Path) -> None:
    python = environments.ready("export") / "bin" / "python"
    with stage_bar(f"bench-{size}: checkpoint"), atomic_file(path) as partial:
        command: list[str | Path] = [python, "-m", *_MAKE_UNTRAINED[size], partial.with_suffix(".nemo")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StageFailed(f"making the untrained {size} ended with {done.returncode}", why=done.stderr)
        partial.with_suffix(".nemo").rename(partial)
