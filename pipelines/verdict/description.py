"""What a checkpoint is: read from its configuration by the room that knows its kind, and from its weights' headers."""

from collections import Counter

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.registry import pipeline_of, rooms, supported_classes
from pipelines.verdict.compatibility import recipe_of
from pipelines.verdict.facts import Architecture, Facts, Weights
from pipelines.verdict.firewall.tensors import ITEM_SIZES, StateDict

__all__ = ["read_facts"]


def read_facts(checkpoint: NemoCheckpoint, state: StateDict) -> Facts:
    """Returns what a checkpoint is.

    Args:
        checkpoint: The checkpoint.
        state: The headers of its weights.

    Raises:
        CheckpointError: Its configuration cannot be read.
    """
    obj_cls = checkpoint.obj_cls
    return Facts(
        name=checkpoint.path.name,
        size=checkpoint.path.stat().st_size,
        obj_cls=obj_cls,
        nemo_version=checkpoint.nemo_version,
        pipeline=pipeline_of(obj_cls).name if obj_cls in supported_classes() else "",
        recipe=recipe_of(obj_cls),
        architecture=_architecture(checkpoint, state),
        weights=_weights(state) if state.tensors else None,
    )


def _architecture(checkpoint: NemoCheckpoint, state: StateDict) -> Architecture | None:
    shapes = {tensor.name: tensor.shape for tensor in state.tensors}
    described = (room.architecture().describe(checkpoint.obj_cls, checkpoint.config, shapes) for room in rooms())
    return next((architecture for architecture in described if architecture), None)


def _weights(state: StateDict) -> Weights:
    numbers: Counter[str] = Counter()
    for tensor in state.tensors:
        numbers[tensor.dtype] += tensor.elements
    floating = {dtype: count for dtype, count in numbers.items() if "float" in dtype}
    size = sum(ITEM_SIZES[dtype] * count for dtype, count in numbers.items())
    return Weights(parameters=sum(floating.values()), dtypes=floating, size=size)
