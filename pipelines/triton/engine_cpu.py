"""NeMo's exported encoders made faster for ONNX Runtime on a CPU, with the same answers: rewritten, run and compared.

What each rewrite (`rewrites/`) saves, one core of an AVX-512 EPYC, ONNX Runtime 1.32, windows of 4 and 11 s: all
together 28 and 33 % of a 2 M Conformer's time, 20 and 25 % of a 13 M one's. `drop_masks`, which the others need, saves
21 and 26 %, 10 and 13 %; `turn_subsampling` 4 and 9 %, 2 and 6 %; `fuse_attention` 4 and 4 %, 6 and 6 %;
`raise_convolutions` 2 and 0 %, 5 and 3 %, and 50 % of a QuartzNet's.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto

from pipelines.errors import EngineFailed
from pipelines.triton.onnx_editor import Constant, Editor
from pipelines.triton.rewrites import rewrite

__all__ = ["TOLERANCE", "compare", "optimise", "try_out", "within_reach"]

TOLERANCE = 1e-4  # of a log probability
_TRIAL = (331, 47, 46, 45, 44, 42, 41, 40)  # frames: every remainder of a stride of eight
_ITEMS = 2


def optimise(path: Path, *, longest: int) -> ModelProto:
    """Rewrites an exported graph and proves that it still answers the same; for large ones see `engine_large.py`.

    The rewritten graph takes the features alone.

    Args:
        path: ONNX file with inputs (batch, features, time) and, if the export kept the masks, lengths (batch).
        longest: Time steps that the network must be able to answer.

    Raises:
        EngineFailed: The rewritten graph answers differently.
    """
    expected = try_out(_session(path))
    graph = Editor(_simplify(path))
    rewrite(graph, longest=within_reach(longest))
    model = graph.finish()
    compare(path.name, expected, try_out(_session(model.SerializeToString())))
    return model


def within_reach(longest: int) -> int:
    """Returns at least as many time steps as the trial has, whatever the network's stride."""
    return max(longest, *_TRIAL)


def try_out(session: Any) -> list[Constant]:
    """A network's answers to random features of several lengths, each as it is served: (items, steps, tokens).

    Args:
        session: An `onnxruntime.InferenceSession`, or what has its `get_inputs` and `run`.
    """
    signal, *others = session.get_inputs()
    noise = np.random.default_rng(0).standard_normal((_ITEMS, signal.shape[1], max(_TRIAL)), np.float32)
    return [
        session.run(
            None, {signal.name: noise[..., :frames], **{entry.name: np.full(_ITEMS, frames) for entry in others}}
        )[0]
        for frames in _TRIAL
    ]


def compare(name: str, expected: Sequence[Constant], found: Sequence[Constant]) -> None:
    """Refuses a rewritten graph whose answers differ.

    Raises:
        EngineFailed: They do.
    """
    error = float(np.max([np.abs(one - other).max() for one, other in zip(expected, found, strict=True)]))
    if not error <= TOLERANCE:
        raise EngineFailed(
            f"the optimised graph of {name} is off by {error:.1e} from the exported one, expected {TOLERANCE:.0e}",
            "the network has a form that a rewrite mistakes for another one",
            "report it with the checkpoint's model_config.yaml",
        )


def _simplify(path: Path) -> ModelProto:
    """ONNX Runtime's own portable rewrites: constants folded, equal subgraphs shared. They clear the view for ours."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # what lies there goes with the run, if it is killed
        options = _quiet()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "model.onnx")
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def _session(source: Path | bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(source, _quiet(), providers=["CPUExecutionProvider"])


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options
