"""ONNX graphs so small that their right outputs are one line of numpy, and references to compare them with."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["BANDS", "FRAMES", "TOKENS", "write_graph", "write_reference"]

BANDS, TOKENS = 4, 3
FRAMES = (10, 10, 17, 31)
WEIGHTS = np.linspace(-1, 1, BANDS * TOKENS, dtype=np.float32).reshape(BANDS, TOKENS)


def write_graph(
    path: Path,
    *,
    offset: float = 0.0,
    mean_over_time: bool = False,
    fixed_frames: int = 0,
    opset: int = 16,
    ir_version: int = 8,
) -> Path:
    """A network of one matrix product, as an export would write it.

    Args:
        path: The file.
        offset: Added to every output, so that it is wrong by so much.
        mean_over_time: Whether padding changes every output.
        fixed_frames: The only length that it takes; any by default.
        opset: Of the default domain.
        ir_version: Of the file.
    """
    nodes = [helper.make_node("Transpose", ["audio_signal"], ["frames"], perm=[0, 2, 1])]
    if mean_over_time:
        nodes.append(helper.make_node("ReduceMean", ["frames"], ["mean"], axes=[1], keepdims=1))
        nodes.append(helper.make_node("Add", ["frames", "mean"], ["mixed"]))
    nodes.append(helper.make_node("MatMul", ["mixed" if mean_over_time else "frames", "weights"], ["product"]))
    nodes.append(helper.make_node("Add", ["product", "offset"], ["logprobs"]))
    initializers = [
        numpy_helper.from_array(WEIGHTS, "weights"),
        numpy_helper.from_array(np.float32(offset), "offset"),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["batch", BANDS, fixed_frames or "frames"])],
        [helper.make_tensor_value_info("logprobs", TensorProto.FLOAT, ["batch", None, TOKENS])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    onnx.save(model, str(path))
    return path


def write_reference(path: Path, *, mean_over_time: bool = False, cut: int = 0) -> Path:
    """What the checkpoint of such a network gives for a few inputs; `cut` leaves out so many of the first outputs."""
    generator, arrays = np.random.default_rng(0), {}
    for index, frames in enumerate(FRAMES):
        features = generator.normal(size=(1, BANDS, frames)).astype(np.float32)
        rows = features.transpose(0, 2, 1)
        arrays[f"{index}/inputs/audio_signal"] = features
        arrays[f"{index}/outputs/0"] = (rows + rows.mean(1, keepdims=True) * mean_over_time)[:, cut:] @ WEIGHTS
    np.savez(path, **arrays)
    return path
