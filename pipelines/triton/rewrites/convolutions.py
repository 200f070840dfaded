"""One-dimensional convolutions: those in the modules of a Conformer, and all of QuartzNet, Citrinet and Jasper."""

import numpy as np
from onnx import NodeProto
from onnx.helper import make_node

from pipelines.triton.onnx_editor import Editor, attribute, set_attributes

__all__ = ["raise_convolutions"]


def raise_convolutions(graph: Editor) -> None:
    """Writes 1-D convolutions, and what is elementwise between them, in 2-D with a height of one.

    ONNX Runtime's blocked kernels (NCHWc) are for images; its 1-D depthwise convolution is a matrix product a channel.
    Where features stand in the inner axis before or after, the turn of the axes is written as that of an image, which
    ONNX Runtime does while it makes or reads the blocks.
    """
    raised: dict[str, str] = {}
    for node in graph.sorted():
        if node.op_type == "Conv" and graph.constants[node.input[1]].ndim == 3:
            _raise(graph, node)
        elif node.op_type not in ("Relu", "Sigmoid", "Mul", "Add") or not all(name in raised for name in node.input):
            continue
        values = 1 if node.op_type == "Conv" else len(node.input)  # the rest are weights
        for index, value in enumerate(node.input[:values]):
            if value not in raised:
                raised[value] = _image(graph, value)
            node.input[index] = raised[value]
        flat = node.output[0]
        raised[flat] = f"{flat}/image"
        graph.rename(node, raised[flat])
        _lower(graph, raised[flat], flat)


def _image(graph: Editor, value: str) -> str:
    """(batch, channels, time) as (batch, channels, 1, time)."""
    turn = graph.maker(value, "Transpose")
    if turn is not None and attribute(turn, "perm") == [0, 2, 1]:
        return graph.add("Transpose", graph.add("Unsqueeze", turn.input[0], graph.constant([1])), perm=[0, 3, 1, 2])
    return graph.add("Unsqueeze", value, graph.constant([2]))


def _lower(graph: Editor, image: str, flat: str) -> None:
    """The inverse, for those who take it as it was."""
    for turn in graph.users(flat, "Transpose"):
        if attribute(turn, "perm") == [0, 2, 1]:
            frames = graph.add("Transpose", image, perm=[0, 2, 3, 1])
            graph.redirect(turn.output[0], graph.add("Squeeze", frames, graph.constant([1])))
    graph.insert(make_node("Squeeze", [image, graph.constant([2])], [flat]))


def _raise(graph: Editor, conv: NodeProto) -> None:
    """The attributes and weights of one convolution, and the zeros that a `Pad` before it adds."""
    pads = list(attribute(conv, "pads", [0, 0]))
    pad = graph.maker(conv.input[0], "Pad")
    if pad is not None and _adds_zeros(graph, pad):
        ends = graph.constants[pad.input[1]]
        pads = [pads[0] + int(ends[2]), pads[1] + int(ends[5])]
        conv.input[0] = pad.input[0]
    weight = graph.constants[conv.input[1]][:, :, None]
    conv.input[1] = graph.constant(weight)
    wider = {name: [1, *attribute(conv, name, [1])] for name in ("strides", "dilations")}
    set_attributes(conv, pads=[0, pads[0], 0, pads[1]], kernel_shape=list(weight.shape[2:]), **wider)


def _adds_zeros(graph: Editor, pad: NodeProto) -> bool:
    """Whether a `Pad` adds a known number of zeros to the ends of the time axis."""
    value = graph.constants.get(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    constant = attribute(pad, "mode", b"constant") == b"constant"
    return constant and pad.input[1] in graph.constants and value is not None and not np.any(value)
