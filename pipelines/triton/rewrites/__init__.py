"""NeMo's exported encoders in forms that ONNX Runtime's kernels for CPUs run faster; one module a part of the encoder.

ONNX Runtime folds constants and fuses what it knows when it loads a graph. Left to do here is what it cannot see. Each
rewrite is exact in real numbers; where its pattern is not found the graph stays as it is.
"""

from pipelines.triton.onnx_editor import Editor
from pipelines.triton.rewrites.attention import fuse_attention
from pipelines.triton.rewrites.convolutions import raise_convolutions
from pipelines.triton.rewrites.masks import drop_masks
from pipelines.triton.rewrites.subsampling import turn_subsampling

__all__ = ["rewrite"]


def rewrite(graph: Editor, *, longest: int) -> None:
    """Applies every rewrite to a graph that ONNX Runtime has simplified.

    Args:
        graph: Inputs (batch, features, time) and, if the export kept the masks, lengths (batch), which go with them.
        longest: Time steps of the network that it must be able to answer.
    """
    drop_masks(graph)
    turn_subsampling(graph)
    fuse_attention(graph, longest=longest)
    raise_convolutions(graph)
