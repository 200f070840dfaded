"""What the processes of an export tell each other: frozen dataclasses, as JSON in files of the work folder."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Comparison",
    "ExportJob",
    "ExportedGraph",
    "NemoExport",
    "Reference",
    "TensorFact",
    "read_json",
    "write_json",
]

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """What the NeMo process is asked to do.

    Args:
        pipeline: The pipeline whose room knows the network.
        archive: The clean checkpoint.
        checkpoint: An empty folder to unpack it into.
        class_name: Name of the model class, without its package.
        graph: The graph to write.
        reference: The file for the reference outputs (see `reference.py`).
        subnet: The part of the model to export, or None for the whole.
        opset: ONNX opset.
        device: `cpu`, `cuda` or `cuda:N`, or None for a GPU if there is one.
        autocast: Whether to export in half precision, which only a GPU does.
        max_batch: Batch size of the example input, or None for the network's own.
        max_dim: Length of the example input (frames, tokens), or None for the network's own.
        max_dim_asked: Whether `max_dim` was given by the user rather than by the schema.
        export_config: Entries for the model's `set_export_config`.
        log_level: Level of NeMo's logger.
    """

    pipeline: str
    archive: str
    checkpoint: str
    class_name: str
    graph: str
    reference: str
    subnet: str | None = None
    opset: int = 16
    device: str | None = None
    autocast: bool = False
    max_batch: int | None = None
    max_dim: int | None = None
    max_dim_asked: bool = False
    export_config: dict[str, str] = field(default_factory=dict)
    log_level: str = "INFO"


@dataclass(frozen=True)
class Reference:
    """What the network computes for one item, batch 1.

    Args:
        inputs: By the graph's names; those that the graph does not take are passed over.
        outputs: The graph's first outputs, in its order.
    """

    inputs: "Mapping[str, npt.NDArray[Any]]"
    outputs: "tuple[npt.NDArray[Any], ...]"


@dataclass(frozen=True, kw_only=True)
class ExportedGraph:
    """What a room knows of a graph that it exported.

    Args:
        max_batch: Batch size of the example input.
        max_dim: Length of the example input.
        subsampling: Steps of the input for each step of the output; 1 where the network keeps the length.
        facts: What the pipeline needs to know beside that; goes into the archive's manifest.
        versions: Versions of the packages that made the graph.
    """

    max_batch: int
    max_dim: int
    subsampling: int
    facts: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NemoExport:
    """What the NeMo process did.

    Args:
        device: Where the model was traced.
        autocast: Whether it was traced in half precision.
        max_batch: Batch size of the example input.
        max_dim: Length of the example input.
        parameters: Number of parameters of the whole model.
        subsampling: Steps of the input for each step of the output.
        facts: As `ExportedGraph`.
        versions: As `ExportedGraph`.
        notes: Values that differ from what was asked, one sentence each.
    """

    device: str
    autocast: bool
    max_batch: int
    max_dim: int
    parameters: int
    subsampling: int
    facts: dict[str, Any]
    versions: dict[str, str]
    notes: list[str]


class TensorFact(TypedDict):
    """An input or output of the graph; -1 in `shape` stands for any size."""

    name: str
    dtype: str
    shape: list[int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What ONNX Runtime gave for the graph, against the checkpoint.

    Errors are the largest absolute difference of any output value, in the output's unit (natural log for CTC models).
    An item is what a room compares: an utterance, a text.

    Args:
        ir_version: ONNX IR version of the graph.
        opset: Its opset in the default domain.
        inputs: The graph's inputs.
        outputs: The graph's outputs.
        single_error: One item at a time, unequal lengths.
        equal_error: Items of equal length in one batch.
        padded_error: All items in one padded batch, cut to their own length; None for a part of a model.
        lengths: (input steps, output steps) of each item.
        versions: Versions of onnx and onnxruntime.
    """

    ir_version: int
    opset: int
    inputs: list[TensorFact]
    outputs: list[TensorFact]
    single_error: float
    equal_error: float
    padded_error: float | None
    lengths: list[list[int]]
    versions: dict[str, str]


def write_json(path: Path, record: Any) -> None:
    """Writes a dataclass or mapping."""
    content = (
        dataclasses.asdict(record) if dataclasses.is_dataclass(record) and not isinstance(record, type) else record
    )
    path.write_text(json.dumps(content), encoding="utf-8")


def read_json(path: Path, kind: type[Record]) -> Record:
    """Reads what `write_json` wrote."""
    return kind(**json.loads(path.read_text(encoding="utf-8")))
