"""The ONNX Runtime process: `python -m pipelines.export.comparison`, the paths on stdin once the graph is there.

It is started early, so that its imports overlap with the export, and is a process of its own so that a graph that
crashes the runtime ends it and nothing else.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from pipelines.errors import ExportFailed, GraphDiffers, RivaError
from pipelines.export.job import Comparison, TensorFact, write_json
from pipelines.export.processes import write_error

__all__ = ["compare"]

Array = npt.NDArray[Any]
Utterance = dict[str, Array]  # the inputs by name, and "output"


def compare(graph: Path, reference: Path, *, whole: bool) -> Comparison:
    """Checks a graph and runs it on the reference inputs.

    Args:
        graph: The ONNX file; external data beside it.
        reference: What `reference.write_reference` wrote.
        whole: Whether it is the graph of a whole model: inputs (batch, bands, frames), outputs (batch, frames, tokens).

    Raises:
        ExportFailed: The checker or the runtime refuses the graph.
        GraphDiffers: An output has another shape than the checkpoint's.
    """
    settings = onnxruntime.SessionOptions()
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the machine to others
    try:
        onnx.checker.check_model(str(graph))
        session = onnxruntime.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise many kinds; each means that the graph cannot be loaded
        why = f"{type(error).__name__}: {str(error).strip()[:500]}"
        raise ExportFailed("the exported graph cannot be loaded", why, "try another --onnx-opset") from error
    proto = onnx.load(str(graph), load_external_data=False)
    spoken = _utterances(reference, [tensor.name for tensor in session.get_inputs()])
    return Comparison(
        ir_version=proto.ir_version,
        opset=next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")),
        inputs=_facts(proto.graph.input),
        outputs=_facts(proto.graph.output),
        single_error=max(_difference(_run(session, [one])[0], one["output"][0]) for one in spoken),
        equal_error=_batch_error(session, spoken[:2]),
        padded_error=_batch_error(session, spoken) if whole else None,
        frames=[[one["audio_signal"].shape[-1], one["output"].shape[1]] for one in spoken] if whole else [],
        versions={"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    )


def _utterances(reference: Path, names: list[str]) -> list[Utterance]:
    arrays = np.load(reference)
    count = len({name.split("/")[0] for name in arrays.files})
    missing = [name for name in names if f"0/{name}" not in arrays.files]
    if missing:
        raise ExportFailed(
            f"the exported graph asks for {', '.join(missing)}, which the checkpoint's own forward() is not given",
            "it was exported with state caches or for another purpose than whole utterances",
            "leave --cache-support and --export-config out",
        )
    return [{name: arrays[f"{index}/{name}"] for name in (*names, "output")} for index in range(count)]


def _run(session: Any, utterances: list[Utterance]) -> Array:
    """Runs utterances as one batch, padded with zeros at the end; returns the first output."""
    feeds = {tensor.name: _stack([one[tensor.name] for one in utterances]) for tensor in session.get_inputs()}
    return np.asarray(session.run(None, feeds)[0])


def _stack(arrays: list[Array]) -> Array:
    longest = max(array.shape[-1] for array in arrays)
    widths = [[(0, 0)] * (array.ndim - 1) + [(0, longest - array.shape[-1])] for array in arrays]
    return np.concatenate([np.pad(array, width) for array, width in zip(arrays, widths, strict=True)])


def _batch_error(session: Any, utterances: list[Utterance]) -> float:
    """The error of utterances in one batch, each output cut to the frames that it has alone."""
    together = _run(session, utterances)
    return max(
        _difference(output[: one["output"].shape[1]], one["output"][0])
        for output, one in zip(together, utterances, strict=True)
    )


def _difference(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        raise GraphDiffers(
            f"the exported graph gives shape {list(found.shape)} where the checkpoint gives {list(expected.shape)}",
            "the exporter fixed a size that must be free",
            "try another --max-dim or --onnx-opset",
        )
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max()
    return float(difference) if np.isfinite(difference) else float("inf")


def _facts(values: Iterable[Any]) -> list[TensorFact]:
    return [
        TensorFact(
            name=value.name,
            dtype=str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))),
            shape=[
                dimension.dim_value if dimension.HasField("dim_value") else -1
                for dimension in value.type.tensor_type.shape.dim
            ],
        )
        for value in values
    ]


def main() -> int:
    """Waits for the paths, compares, and writes `Comparison` or the error."""
    line = sys.stdin.readline()
    if not line:  # the process that started this one gave up
        return 0
    paths = json.loads(line)
    outcome = Path(paths["outcome"])
    try:
        write_json(outcome, compare(Path(paths["graph"]), Path(paths["reference"]), whole=paths["whole"]))
    except RivaError as error:
        write_error(outcome, error)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)
