"""The ONNX Runtime process: `python -m pipelines.export.comparison`, the paths on stdin once the graph is there.

It is started early, so that its imports overlap with the export, and is a process of its own so that a graph that
crashes the runtime ends it and nothing else.
"""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from pipelines.errors import ExportFailed, GraphDiffers, RivaError
from pipelines.export.job import Comparison, TensorFact, write_json
from pipelines.export.processes import write_error
from pipelines.verdict.rules.graph import GRAPH_RUNS, GRAPH_WHOLE

__all__ = ["compare"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Item:
    """An item of the reference; inputs in the graph's order."""

    inputs: dict[str, Array]
    outputs: list[Array]

    @property
    def steps(self) -> int:
        return int(next(iter(self.inputs.values())).shape[-1])


def compare(graph: Path, reference: Path, *, whole: bool) -> Comparison:
    """Checks a graph and runs it on the reference inputs.

    Args:
        graph: The ONNX file; external data beside it.
        reference: What `reference.write_reference` wrote.
        whole: Whether it is the graph of a whole model: steps are the last axis of the first input and the second of
            the outputs.

    Raises:
        ExportFailed: A file of weights is missing, or the checker or the runtime refuses the graph.
        GraphDiffers: An output has another shape than the checkpoint's.
    """
    settings = onnxruntime.SessionOptions()
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the machine to others
    _check_whole(graph)
    try:
        onnx.checker.check_model(str(graph))
        session = onnxruntime.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise many kinds; each means that the graph cannot be loaded
        why = f"{type(error).__name__}: {str(error).strip()[:500]}"
        raise GRAPH_RUNS.finding("the exported graph cannot be loaded", why=why).as_error() from error
    proto = onnx.load(str(graph), load_external_data=False)
    items = _items(reference, [tensor.name for tensor in session.get_inputs()])
    return Comparison(
        ir_version=proto.ir_version,
        opset=next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")),
        inputs=_facts(proto.graph.input),
        outputs=_facts(proto.graph.output),
        single_error=max(_single_error(session, item) for item in items),
        equal_error=_batch_error(session, items[:2]),
        padded_error=_batch_error(session, items) if whole else None,
        lengths=[[item.steps, item.outputs[0].shape[1]] for item in items] if whole else [],
        versions={"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
    )


def _items(reference: Path, names: list[str]) -> list[_Item]:
    arrays = np.load(reference)
    count = len({name.split("/")[0] for name in arrays.files})
    missing = [name for name in names if f"0/inputs/{name}" not in arrays.files]
    if missing:
        raise ExportFailed(
            f"the exported graph asks for {', '.join(missing)}, which the checkpoint's own forward() is not given",
            "it was exported with state caches or for another purpose than whole items",
            "leave --cache-support and --export-config out",
        )
    outputs = sum(name.startswith("0/outputs/") for name in arrays.files)
    return [
        _Item(
            {name: arrays[f"{index}/inputs/{name}"] for name in names},
            [arrays[f"{index}/outputs/{place}"] for place in range(outputs)],
        )
        for index in range(count)
    ]


def _stack(arrays: list[Array]) -> Array:
    longest = max(array.shape[-1] for array in arrays)
    widths = [[(0, 0)] * (array.ndim - 1) + [(0, longest - array.shape[-1])] for array in arrays]
    return np.concatenate([np.pad(array, width) for array, width in zip(arrays, widths, strict=True)])


def _check_whole(graph: Path) -> None:
    """Refuses a graph whose weights lie in files that are not there.

    Raises:
        ExportFailed: Names the first that is missing.
    """
    try:
        proto = onnx.load(str(graph), load_external_data=False)
    except Exception:  # what is no ONNX file is told by the checker, with the reason
        return
    for tensor in proto.graph.initializer:
        if onnx.external_data_helper.uses_external_data(tensor):
            location = onnx.external_data_helper.ExternalDataInfo(tensor).location
            if not (graph.parent / location).is_file():
                what = f"the weights of {tensor.name} should be in {location}, which is not beside the exported graph"
                raise GRAPH_WHOLE.finding(what, where=graph.name).as_error()


def _run(session: Any, items: list[_Item]) -> list[Array]:
    """The outputs for items in one batch, padded with zeros at the end."""
    inputs = {name: _stack([item.inputs[name] for item in items]) for name in items[0].inputs}
    try:
        outputs: list[Array] = session.run(None, inputs)
    except Exception as error:  # the runtime raises many kinds; each means that the graph cannot be run on this
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in inputs.items())
        why = f"{type(error).__name__}: {str(error).strip()[:500]}"
        raise GRAPH_RUNS.finding(f"the exported graph cannot be run on {shapes}", why=why).as_error() from error
    return outputs


def _single_error(session: Any, item: _Item) -> float:
    """The error of one item; outputs beyond those of the reference are not compared."""
    found = _run(session, [item])
    return max(_difference(output[0], expected[0]) for output, expected in zip(found, item.outputs, strict=False))


def _batch_error(session: Any, items: list[_Item]) -> float:
    """The error of items in one batch, each output cut to the steps that it has alone."""
    together = _run(session, items)
    return max(
        _difference(output[row, : expected.shape[1]], expected[0])
        for row, item in enumerate(items)
        for output, expected in zip(together, item.outputs, strict=False)
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
