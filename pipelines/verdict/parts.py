"""Whether everything is in a checkpoint that its export needs, and nothing that it cannot have."""

from collections.abc import Iterator

from pipelines.archive.nemo import CONFIG, WEIGHTS, NemoCheckpoint
from pipelines.registry import pipeline_of, supported_classes
from pipelines.verdict.findings import Finding
from pipelines.verdict.rules import RULES, model

__all__ = ["check_parts"]


def check_parts(checkpoint: NemoCheckpoint, pipeline: str = "") -> Iterator[Finding]:
    """Yields what a checkpoint lacks that its export needs.

    Args:
        checkpoint: The checkpoint.
        pipeline: The pipeline that it is meant for; empty if it may be any.
    """
    if not checkpoint.target:
        yield model.CLASS_NAMED.finding(
            f"{checkpoint.path}: {CONFIG} does not say which class the model is (`target`)",
            where=f"{CONFIG}: target",
            why="it was saved by a very old NeMo, or the configuration was written by hand",
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
                where=f"{CONFIG}: {artifact.key}",
            )
    if checkpoint.obj_cls in supported_classes():  # of others the places say where that matters
        yield from _for_its_room(checkpoint, pipeline)


def _for_its_room(checkpoint: NemoCheckpoint, pipeline: str) -> Iterator[Finding]:
    room = pipeline_of(checkpoint.obj_cls)
    if pipeline and pipeline != room.name:
        yield model.PIPELINE_FITS.finding(
            f"{checkpoint.path} is a {checkpoint.obj_cls}, which pipeline {pipeline} does not serve",
            where=f"{CONFIG}: target",
            fix=f"it is served by {room.name}",
        )
    for lack in room.checkpoint.lacks(checkpoint):
        yield RULES[lack.rule].finding(f"{checkpoint.path}: {lack.what}", why=lack.why, fix=lack.fix)
