"""What the processes of an export tell each other: frozen dataclasses, as JSON in files of the work folder."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, TypeVar

__all__ = ["Comparison", "ExportJob", "NemoExport", "TensorFact", "read_json", "write_json"]

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """What the NeMo process is asked to do.

    Args:
        checkpoint: Folder with the unpacked checkpoint and nothing else.
        class_name: Name of the model class in `nemo.collections.asr.models`.
        graph: The graph to write.
        reference: The file for the reference outputs (see `reference.py`).
        outcome: The file for `NemoExport`, or for the error.
        subnet: The part of the model to export, or None for the whole.
        opset: ONNX opset.
        device: `cpu`, `cuda` or `cuda:N`, or None for a GPU if there is one.
        autocast: Whether to export in half precision, which only a GPU does.
        max_batch: Batch size of the example input, or None for the encoder's own.
        max_dim: Frames of the example input, or None for the encoder's own.
        max_dim_asked: Whether `max_dim` was given by the user rather than by the schema.
        export_config: Entries for the model's `set_export_config`.
        log_level: Level of NeMo's logger.
    """

    checkpoint: str
    class_name: str
    graph: str
    reference: str
    outcome: str
    subnet: str | None = None
    opset: int = 16
    device: str | None = None
    autocast: bool = False
    max_batch: int | None = None
    max_dim: int | None = None
    max_dim_asked: bool = False
    export_config: dict[str, str] = field(default_factory=dict)
    log_level: str = "INFO"


@dataclass(frozen=True, kw_only=True)
class NemoExport:
    """What the NeMo process did.

    Args:
        device: Where the model was traced.
        autocast: Whether it was traced in half precision.
        max_batch: Batch size of the example input.
        max_dim: Frames of the example input.
        parameters: Number of parameters of the whole model.
        subsampling: Feature frames for each output frame.
        frame_ms: Milliseconds from one feature frame to the next.
        max_frames: Most feature frames that the graph takes, or None if there is no limit.
        versions: Versions of nemo_toolkit and torch.
        notes: Values that differ from what was asked, one sentence each.
    """

    device: str
    autocast: bool
    max_batch: int
    max_dim: int
    parameters: int
    subsampling: int
    frame_ms: float
    max_frames: int | None
    versions: dict[str, str]
    notes: list[str]


class TensorFact(TypedDict):
    """An input or output of the graph; -1 in `shape` stands for any size."""

    name: str
    dtype: str
    shape: list[int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What ONNX Runtime gave for the graph, against NeMo.

    Errors are the largest absolute difference of any output value, in the output's unit (natural log for CTC models).

    Args:
        ir_version: ONNX IR version of the graph.
        opset: Its opset in the default domain.
        inputs: The graph's inputs.
        outputs: The graph's outputs.
        single_error: One utterance at a time, unequal lengths.
        equal_error: Utterances of equal length in one batch.
        padded_error: All utterances in one padded batch, cut to their own length; None for a part of a model.
        frames: (input frames, output frames) of each utterance.
        versions: Versions of onnx and onnxruntime.
    """

    ir_version: int
    opset: int
    inputs: list[TensorFact]
    outputs: list[TensorFact]
    single_error: float
    equal_error: float
    padded_error: float | None
    frames: list[list[int]]
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
