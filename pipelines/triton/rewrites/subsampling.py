"""NeMo's `ConvSubsampling`: convolutions, each between masks, and the projection that follows them."""

import itertools

import numpy as np
from onnx import NodeProto, TensorProto

from pipelines.triton.onnx_editor import Editor, attribute, set_attributes

__all__ = ["fold_subsampling"]

_BLOCKED = 1e9  # more than any activation: ReLU makes zero of what this was taken from


def fold_subsampling(graph: Editor) -> None:
    """Frees the convolutions that shorten the time axis from masks, and makes time their inner axis.

    NeMo multiplies by a full-size mask around every step, so that no step is fused and the blocked layout begins anew
    at each. Only a mask before a convolution that mixes frames matters, and of several the last; the first of those, on
    the largest tensor, moves into the convolution before it (`_fold`). Kernels also run better along time, hundreds
    wide, than along 80 bands. The projection of all channels and bands becomes one more convolution, so that the
    blocked layout ends with its small output (`_project`).
    """
    signal = graph.inputs[0].name
    chain = _chain(graph, signal)
    masks = {node.output[0]: _comparison(graph, node) for node in chain if node.op_type == "Mul"}
    if not chain or None in masks.values():
        return
    entry, *steps, flatten = chain
    _swap_axes(graph, [entry, *steps])
    entry.input[0] = signal
    set_attributes(flatten, perm=[0, 3, 1, 2])
    rows: dict[str | None, str] = {}
    for node in (node for node in steps if node.op_type == "Mul"):
        inside = masks[node.output[0]]
        if inside is not None and inside not in rows:
            row = graph.add("Unsqueeze", inside, graph.constant([1, 2]))
            rows[inside] = graph.add("Cast", row, to=TensorProto.FLOAT)
        node.input[1] = rows[inside]
    marks = [node for node in steps if node.op_type == "Mul" or max(attribute(node, "kernel_shape", [1])) > 1]
    mixing = {id(node) for node, later in itertools.pairwise(marks) if later.op_type == "Conv"}
    superfluous = [node for node in marks if node.op_type == "Mul" and id(node) not in mixing]
    for node in superfluous:
        graph.redirect(node.output[0], node.input[0])
    kept = [node for node in steps if node not in superfluous]
    if [node.op_type for node in kept[:4]] == ["Mul", "Conv", "Relu", "Mul"]:
        _fold(graph, *kept[:4])
    _project(graph, flatten)


def _chain(graph: Editor, signal: str) -> list[NodeProto]:
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


def _project(graph: Editor, flatten: NodeProto) -> None:
    """Makes the matrix product of each frame's channels and bands a convolution over all bands."""
    last = graph.maker(flatten.input[0])
    while last is not None and last.op_type != "Conv":
        last = graph.maker(last.input[0])
    reshapes = graph.users(flatten.output[0], "Reshape")
    products = [node for reshape in reshapes for node in graph.users(reshape.output[0])]
    if last is None or [node.op_type for node in products] != ["MatMul"]:
        return
    (product,) = products
    channels = graph.constants[last.input[1]].shape[0]
    weight = graph.constants.get(product.input[1])
    if weight is None or weight.ndim != 2 or weight.shape[0] % channels:
        return
    kernel = weight.reshape(channels, -1, weight.shape[1]).transpose(2, 0, 1)[..., None]  # outputs, channels, bands, 1
    image = graph.add(
        "Conv", flatten.input[0], graph.constant(np.ascontiguousarray(kernel)), kernel_shape=list(kernel.shape[2:])
    )
    frames = graph.add("Transpose", image, perm=[0, 2, 3, 1])
    graph.redirect(product.output[0], graph.add("Squeeze", frames, graph.constant([1])))
