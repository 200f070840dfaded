"""The verdict on a checkpoint, from reading it alone: nothing in it is executed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.archive.nemo import WEIGHTS, NemoCheckpoint
from pipelines.errors import RivaError
from pipelines.registry import pipeline_of, supported_classes, why_unsupported
from pipelines.verdict.findings import Finding, Outcome, worst
from pipelines.verdict.rules import RULES, containers, model

__all__ = ["Verdict", "judge", "judge_open"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the static reading of a checkpoint found.

    Args:
        path: The checkpoint.
        obj_cls: Its class as Riva's schemas spell it; empty if it could not be read.
        nemo_version: The NeMo version that saved it; empty if unknown.
        findings: Rules that it breaks, worst first.
    """

    path: Path
    obj_cls: str = ""
    nemo_version: str = ""
    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst that a finding says."""
        return worst(finding.rule.outcome for finding in self.findings)

    def raise_findings(self) -> None:
        """Raises the worst finding that refuses the checkpoint, if there is one.

        Raises:
            RivaError: The error of the finding's rule.
        """
        for finding in self.findings:
            if finding.rule.outcome.refuses:
                raise finding.as_error()


def judge(path: Path) -> Verdict:
    """Reads a checkpoint without executing anything in it and says what stands against it."""
    try:
        with NemoCheckpoint.open(path) as checkpoint:
            return judge_open(checkpoint)
    except RivaError as error:
        unreadable = error.finding or containers.READABLE.finding(error.what, why=error.why, fix=error.fix)
        return Verdict(path=path, findings=(unreadable,))


def judge_open(checkpoint: NemoCheckpoint) -> Verdict:
    """Says what stands against a checkpoint that is already open.

    Raises:
        BrokenCheckpoint: Its configuration cannot be read.
    """
    findings = sorted(_findings(checkpoint), key=lambda finding: -finding.rule.outcome.severity)
    return Verdict(
        path=checkpoint.path,
        obj_cls=checkpoint.obj_cls,
        nemo_version=checkpoint.nemo_version,
        findings=tuple(findings),
    )


def _findings(checkpoint: NemoCheckpoint) -> Iterator[Finding]:
    if not checkpoint.target:
        yield model.CLASS_NAMED.finding(
            f"{checkpoint.path}: model_config.yaml does not say which class the model is (`target`)",
            where="model_config.yaml: target",
            why="it was saved by a very old NeMo, or the configuration was written by hand",
        )
        return
    if checkpoint.obj_cls not in supported_classes():
        reason = why_unsupported(checkpoint.obj_cls)
        yield model.CLASS_SUPPORTED.finding(
            f"{checkpoint.path} is a {checkpoint.obj_cls}, which cannot be exported: {reason.what}",
            where="model_config.yaml: target",
            why=f"supported are {', '.join(supported_classes())}",
            fix=reason.fix,
        )
        return
    if WEIGHTS not in checkpoint.names():
        yield model.WEIGHTS_PRESENT.finding(f"{checkpoint.path} has no {WEIGHTS}", where=WEIGHTS)
    for artifact in checkpoint.artifacts:
        if artifact.member not in checkpoint.names():
            tokenizer = artifact.key.startswith("tokenizer.")
            rule = model.TOKENIZER_PRESENT if tokenizer else model.ARTIFACT_PRESENT
            yield rule.finding(
                f"{checkpoint.path}: {artifact.key} refers to {artifact.member}, which is not in the archive",
                where=f"model_config.yaml: {artifact.key}",
            )
    for lack in pipeline_of(checkpoint.obj_cls).checkpoint.lacks(checkpoint):
        yield RULES[lack.rule].finding(f"{checkpoint.path}: {lack.what}", why=lack.why, fix=lack.fix)
