"""The rules of the verdict. An id never changes its meaning; a rule that goes leaves its id unused.

| id | refuses |
|---|---|
| `readable` | what is not a whole, safe `.nemo` archive with a configuration |
| `class-named` | a configuration without the class of the model |
| `class-supported` | classes without a recipe: hybrid, transducer and everything else that is not listed |
| `weights-present` | an archive without weights |
| `artifact-present` | an archive without a file that its configuration refers to |
| `tokenizer-present` | a BPE model without the files of its tokenizer |
| `preprocessor-supported` | features that the served pipeline does not compute |
| `encoder-supported` | encoders whose export was never compared with NeMo |
| `vocabulary-present` | a CTC model without the tokens of its outputs |
"""

from collections.abc import Iterator
from pathlib import Path

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.errors import BrokenCheckpoint, RivaError, UnsupportedCheckpoint
from pipelines.speech_recognition import checkpoint as speech_recognition
from pipelines.verdict.findings import Finding, Verdict

__all__ = ["judge", "judge_open"]

_SAVE_AGAIN = "save the model again with NeMo's save_to() where it was trained"


def judge(path: Path) -> Verdict:
    """Reads a checkpoint without executing anything in it and says what stands against it."""
    try:
        with NemoCheckpoint.open(path) as checkpoint:
            return judge_open(checkpoint)
    except RivaError as error:
        finding = Finding(rule="readable", what=error.what, why=error.why, fix=error.fix, error=type(error))
        return Verdict(path=path, findings=(finding,))


def judge_open(checkpoint: NemoCheckpoint) -> Verdict:
    """Says what stands against a checkpoint that is already open.

    Raises:
        BrokenCheckpoint: Its configuration cannot be read.
    """
    return Verdict(
        path=checkpoint.path,
        obj_cls=checkpoint.obj_cls,
        nemo_version=checkpoint.nemo_version,
        findings=tuple(_findings(checkpoint)),
    )


def _findings(checkpoint: NemoCheckpoint) -> Iterator[Finding]:
    if not checkpoint.target:
        yield Finding(
            rule="class-named",
            what=f"{checkpoint.path}: model_config.yaml does not say which class the model is (`target`)",
            why="it was saved by a very old NeMo, or the configuration was written by hand",
            fix=_SAVE_AGAIN,
            error=BrokenCheckpoint,
        )
        return
    if checkpoint.obj_cls not in speech_recognition.SUPPORTED_CLASSES:
        reason = speech_recognition.why_unsupported(checkpoint.obj_cls)
        yield Finding(
            rule="class-supported",
            what=f"{checkpoint.path} is a {checkpoint.obj_cls}, which cannot be exported: {reason.what}",
            why=f"supported are {', '.join(speech_recognition.SUPPORTED_CLASSES)}",
            fix=reason.fix,
            error=UnsupportedCheckpoint,
        )
        return
    if WEIGHTS not in checkpoint.names():
        yield Finding(
            rule="weights-present",
            what=f"{checkpoint.path} has no {WEIGHTS}",
            why="the archive was made by hand, or holds sharded or distributed weights",
            fix=_SAVE_AGAIN,
            error=BrokenCheckpoint,
        )
    for artifact in checkpoint.artifacts:
        if artifact.member not in checkpoint.names():
            yield Finding(
                rule="tokenizer-present" if artifact.key.startswith("tokenizer.") else "artifact-present",
                what=f"{checkpoint.path}: {artifact.key} refers to {artifact.member}, which is not in the archive",
                why="the archive was unpacked and packed again without it",
                fix=_SAVE_AGAIN,
                error=BrokenCheckpoint,
            )
    for lack in speech_recognition.lacks(checkpoint):
        yield Finding(
            rule=lack.rule,
            what=f"{checkpoint.path}: {lack.what}",
            why=lack.why,
            fix=lack.fix or _SAVE_AGAIN,
            error=UnsupportedCheckpoint if lack.rule.endswith("-supported") else BrokenCheckpoint,
        )
