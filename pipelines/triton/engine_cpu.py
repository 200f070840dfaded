"""NeMo's exported encoders made faster for ONNX Runtime on a CPU, with the same results.

ONNX Runtime folds constants and fuses what it knows when it loads a graph. Left to do here is what it cannot see: the
export writes convolutions and masks in forms that the fast kernels do not cover. Each rewrite is exact in real numbers,
and where its pattern is not found the graph stays as it is. `optimise` runs both graphs and compares them.

Gains, one core of an AVX-512 EPYC, ONNX Runtime 1.32, windows of 4 to 10 s, batch 1 to 8: `fold_masks` 7 to 15 % of
a 13 M Conformer and 15 to 30 % of a 2 M one, `simplify_attention` 3 %, `raise_convolutions` 4 % of a Conformer and 50 %
of a QuartzNet.
"""

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto
from onnx.helper import make_node

from pipelines.errors import EngineFailed
from pipelines.triton.onnx_editor import Constant, Editor, attribute, set_attributes

__all__ = ["TOLERANCE", "compare", "optimise", "rewrite", "try_out"]

TOLERANCE = 1e-4  # of a log probability, in the frames inside an utterance
_TRIAL = (331, 330, 167, 64)  # frames of unequal utterances, tried as one padded batch
_BLOCKED = 1e9  # more than any activation: ReLU makes zero of what this was taken from


def optimise(path: Path) -> ModelProto:
    """Rewrites an exported graph and proves that it still answers the same; for large ones see `engine_large.py`.

    Args:
        path: ONNX file with inputs (batch, features, time) and, if the export kept the masks, lengths (batch).

    Raises:
        EngineFailed: The rewritten graph answers differently on a padded batch of unequal utterances.
    """
    expected = try_out(_session(path))
    graph = Editor(_simplify(path))
    rewrite(graph)
    model = graph.finish()
    compare(path.name, expected, try_out(_session(model.SerializeToString())))
    return model


def rewrite(graph: Editor) -> None:
    """Applies every rewrite to a graph that ONNX Runtime has simplified."""
    fold_masks(graph)
    simplify_attention(graph)
    raise_convolutions(graph)


def try_out(session: Any) -> list[Constant]:
    """A network's answers to random features, one an utterance: (steps inside it, tokens).

    Args:
        session: An `onnxruntime.InferenceSession`, or what has its `get_inputs` and `run`.
    """
    signal, *others = session.get_inputs()
    frames = max(_TRIAL)
    noise = np.random.default_rng(0).standard_normal((len(_TRIAL), signal.shape[1], frames), np.float32)
    answers = session.run(None, {signal.name: noise, **{entry.name: np.array(_TRIAL) for entry in others}})[0]
    lengths = _TRIAL if others else [frames] * len(_TRIAL)
    return [answer[: length * answers.shape[1] // frames] for answer, length in zip(answers, lengths, strict=True)]


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


def fold_masks(graph: Editor) -> None:
    """Frees the convolutions that shorten the time axis from masks, and makes time their inner axis.

    NeMo's `ConvSubsampling` multiplies by a full-size mask around every step, so that no step is fused and the blocked
    layout begins anew at each. Only the last mask before a convolution that mixes frames matters; the first of those,
    on the largest tensor, moves into the convolution before it (`_fold`). Kernels also run better along time, hundreds
    wide, than along 80 bands.
    """
    signal = graph.inputs[0].name
    chain = _subsampling(graph, signal)
    comparisons = {node.output[0]: _comparison(graph, node) for node in chain if node.op_type == "Mul"}
    if not chain or None in comparisons.values():
        return
    entry, *steps, flatten = chain
    _swap_axes(graph, [entry, *steps])
    entry.input[0] = signal
    set_attributes(flatten, perm=[0, 3, 1, 2])
    masks: dict[str | None, str] = {}
    for node in (node for node in steps if node.op_type == "Mul"):
        inside = comparisons[node.output[0]]
        if inside is not None and inside not in masks:
            row = graph.add("Unsqueeze", inside, graph.constant([1, 2]))
            masks[inside] = graph.add("Cast", row, to=TensorProto.FLOAT)
        node.input[1] = masks[inside]
    marks = [node for node in steps if node.op_type == "Mul" or max(attribute(node, "kernel_shape", [1])) > 1]
    superfluous = [node for node, later in itertools.pairwise(marks) if node.op_type == later.op_type == "Mul"]
    for node in superfluous:
        graph.redirect(node.output[0], node.input[0])
    kept = [node for node in steps if node not in superfluous]
    if [node.op_type for node in kept[:4]] == ["Mul", "Conv", "Relu", "Mul"]:
        _fold(graph, *kept[:4])


def _subsampling(graph: Editor, signal: str) -> list[NodeProto]:
    """From where features become images, through masks, convolutions and ReLUs, to where they are flattened."""
    chain = [node for turn in graph.users(signal, "Transpose") for node in graph.users(turn.output[0], "Unsqueeze")]
    while chain and chain[-1].op_type != "Transpose":
        following = [node for node in graph.users(chain[-1].output[0]) if node.op_type != "Shape"]
        if len(following) != 1 or following[0].op_type not in ("Mul", "Conv", "Relu", "Transpose"):
            return []
        chain += following
    return chain


def _comparison(graph: Editor, mul: NodeProto) -> str | None:
    """The comparison (batch, time) of frame numbers with lengths that a mask was made from."""
    node = graph.maker(mul.input[1])
    while node is not None and node.op_type in ("Expand", "Unsqueeze", "Cast"):
        node = graph.maker(node.input[0])
    return str(node.output[0]) if node is not None and node.op_type == "Less" else None


def _swap_axes(graph: Editor, nodes: list[NodeProto]) -> None:
    for node in nodes:
        for shape in graph.users(node.output[0], "Shape"):
            for gather in graph.users(shape.output[0], "Gather"):
                axis = int(graph.constants[gather.input[1]])
                gather.input[1] = graph.constant(np.int64({2: 3, 3: 2}.get(axis, axis)))
        if node.op_type == "Conv":
            node.input[1] = graph.constant(np.ascontiguousarray(graph.constants[node.input[1]].swapaxes(2, 3)))
            first, second, first_end, second_end = attribute(node, "pads", [0] * 4)
            pairs = {name: attribute(node, name, [1, 1])[::-1] for name in ("strides", "dilations", "kernel_shape")}
            set_attributes(node, pads=[second, first, second_end, first_end], **pairs)


def _fold(graph: Editor, before: NodeProto, conv: NodeProto, relu: NodeProto, after: NodeProto) -> None:
    """Lets a convolution mask its own output: a second channel, very negative outside an utterance, goes into ReLU.

    Only the kernel's centre looks at that channel. With stride 2 and one frame of padding, output frame t is inside
    exactly when input frame 2t, under the centre, is.
    """
    weight = graph.constants[conv.input[1]]
    if weight.shape[1:] != (1, 3, 3) or attribute(conv, "strides") != [2, 2] or attribute(conv, "pads") != [1] * 4:
        return
    bands = graph.inputs[0].type.tensor_type.shape.dim[1].dim_value
    outside = graph.add("Sub", before.input[1], graph.constant(np.float32(1)))  # 0 inside, -1 outside
    outside = graph.add("Expand", outside, graph.constant([1, 1, bands, 1]))
    blocker = np.zeros_like(weight)
    blocker[:, :, 1, 1] = _BLOCKED
    conv.input[0] = graph.add("Concat", before.output[0], outside, axis=1)
    conv.input[1] = graph.constant(np.concatenate([weight, blocker], axis=1))
    graph.redirect(after.output[0], relu.output[0])


def simplify_attention(graph: Editor) -> None:
    """Takes three passes over the scores out of NeMo's relative attention (`RelPositionMultiHeadAttention`).

    The scale moves into the constants that make the query. The two `Where` become one addition of a bias that all
    layers share: keys outside an utterance still get exactly zero from Softmax, queries outside get numbers that nobody
    reads.
    """
    shared: dict[str, str] = {}
    scaled: set[str] = set()
    for softmax in graph.find("Softmax"):
        mask = graph.maker(softmax.input[0], "Where")
        scale = graph.maker(mask.input[2], "Div") if mask else None
        total = graph.maker(scale.input[0], "Add") if scale else None
        cleared = graph.users(softmax.output[0])
        if not (mask and scale and total and len(cleared) == 1 and cleared[0].op_type == "Where"):
            continue
        position = graph.maker(total.input[1], "Slice", "Reshape", "Slice", "Reshape", "Pad", "MatMul")
        content = graph.maker(total.input[0], "MatMul")
        if position is None or content is None:
            continue
        if mask.input[0] not in shared:
            blocked, free = graph.constants[mask.input[1]], graph.constant(np.float32(0))
            shared[mask.input[0]] = graph.add("Where", mask.input[0], graph.constant(blocked), free)
        for matmul in (content, position):
            _divide(graph, matmul.input[0], graph.constants[scale.input[1]], scaled)
        softmax.input[0] = graph.add("Add", total.output[0], shared[mask.input[0]])
        graph.redirect(cleared[0].output[0], softmax.output[0])


def _divide(graph: Editor, value: str, divisor: Constant, done: set[str]) -> None:
    """Divides a value by dividing the constants of the linear operators that make it."""
    node = graph.maker(value)
    if value in done or node is None:
        return
    done.add(value)
    for index, name in enumerate(node.input):
        if name in graph.constants and node.op_type in ("Add", "MatMul"):
            node.input[index] = graph.constant(graph.constants[name] / divisor)
        elif node.op_type in ("Add", "Transpose") or (node.op_type == "Reshape" and index == 0):
            _divide(graph, name, divisor, done)


def raise_convolutions(graph: Editor) -> None:
    """Writes 1-D convolutions, and what is elementwise between them, in 2-D with a height of one.

    ONNX Runtime's blocked kernels (NCHWc) are for images; its 1-D depthwise convolution is a matrix product a channel.
    """
    axis = graph.constant([2])
    raised: dict[str, str] = {}

    def up(value: str) -> str:
        if value not in raised:
            raised[value] = graph.add("Unsqueeze", value, axis)
        return raised[value]

    for node in graph.sorted():
        if node.op_type == "Conv" and graph.constants[node.input[1]].ndim == 3:
            _raise(graph, node)
        elif node.op_type not in ("Relu", "Sigmoid", "Mul", "Add") or not all(name in raised for name in node.input):
            continue
        values = 1 if node.op_type == "Conv" else len(node.input)  # the rest are weights
        node.input[:] = [*map(up, node.input[:values]), *node.input[values:]]
        flat = node.output[0]
        raised[flat] = f"{flat}/image"
        graph.rename(node, raised[flat])
        graph.insert(make_node("Squeeze", [raised[flat], axis], [flat]))


def _raise(graph: Editor, conv: NodeProto) -> None:
    """The attributes and weights of one convolution, and the zeros that a `Pad` before it adds."""
    pads = list(attribute(conv, "pads", [0, 0]))
    pad = graph.maker(conv.input[0], "Pad")
    zeros = pad is not None and (len(pad.input) < 3 or np.all(graph.constants.get(pad.input[2], np.ones(1)) == 0))
    if pad is not None and zeros and attribute(pad, "mode", b"constant") == b"constant":
        ends = graph.constants[pad.input[1]]
        pads = [pads[0] + int(ends[2]), pads[1] + int(ends[5])]
        conv.input[0] = pad.input[0]
    weight = graph.constants[conv.input[1]][:, :, None]
    conv.input[1] = graph.constant(weight)
    wider = {name: [1, *attribute(conv, name, [1])] for name in ("strides", "dilations")}
    set_attributes(conv, pads=[0, pads[0], 0, pads[1]], kernel_shape=list(weight.shape[2:]), **wider)


def _session(source: Path | bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(source, _quiet(), providers=["CPUExecutionProvider"])


def _quiet() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options
