"""NeMo's `ConvSubsampling`: convolutions, and the projection that follows them."""

import numpy as np
from onnx import NodeProto

from pipelines.triton.onnx_editor import Editor, attribute, set_attributes

__all__ = ["turn_subsampling"]


def turn_subsampling(graph: Editor) -> None:
    """Makes time the inner axis of the convolutions that shorten it.

    Kernels run better along time, hundreds wide, than along 80 bands. The projection of all channels and bands becomes
    one more convolution, so that the blocked layout ends with its small output (`_project`).
    """
    signal = graph.inputs[0].name
    chain = _chain(graph, signal)
    if not chain:
        return
    entry, *steps, flatten = chain
    _swap_axes(graph, [entry, *steps])
    entry.input[0] = signal
    set_attributes(flatten, perm=[0, 3, 1, 2])
    _project(graph, flatten)


def _chain(graph: Editor, signal: str) -> list[NodeProto]:
    """From where features become images, through convolutions and ReLUs, to where they are flattened."""
    chain = [node for turn in graph.users(signal, "Transpose") for node in graph.users(turn.output[0], "Unsqueeze")]
    while chain and chain[-1].op_type != "Transpose":
        following = [node for node in graph.users(chain[-1].output[0]) if node.op_type != "Shape"]
        if len(following) != 1 or following[0].op_type not in ("Conv", "Relu", "Transpose"):
            return []
        chain += following
    return chain


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
