"""Masks: what NeMo's encoders fill, multiply and block with, so that padding after an utterance changes nothing."""

from onnx import NodeProto, TensorProto, numpy_helper

from pipelines.triton.onnx_editor import Editor, attribute

__all__ = ["drop_masks"]

# What changes the shape of a mask or its type, and not what it says.
_SAME = ("Cast", "Expand", "Identity", "Reshape", "Slice", "Squeeze", "Tile", "Transpose", "Unsqueeze")


def drop_masks(graph: Editor) -> None:
    """Frees a network that never sees padding from its masks, and from the input of the lengths.

    Requests of unequal length are not padded to each other (`models/network.py`), so that each utterance is as long as
    the signal. Then the number of a time step is always less than the length; what hangs on that alone is known, and a
    mask that lets everything through goes away. Masks that limit the context of attention stay.
    """
    signal, *others = graph.inputs
    if len(others) != 1:
        return
    (lengths,) = others
    counted = _replace(graph, lengths.name, _lengths(graph, signal.name, lengths.type.tensor_type.elem_type))
    known: dict[str, bool] = {}
    for node in graph.sorted():
        if node.op_type == "Less" and node.input[1] in counted and node.input[0] not in counted:
            known[node.output[0]] = True
        else:
            _follow(graph, node, known)
    graph.drop_input(lengths.name)
    graph.prune()


def _lengths(graph: Editor, signal: str, kind: int) -> str:
    """The length of each utterance of a batch: all the time steps that the signal has."""
    shape = graph.add("Shape", signal)
    items, time = (graph.add("Gather", shape, graph.constant([axis])) for axis in (0, 2))
    lengths = graph.add("Expand", time, items)
    return lengths if kind == TensorProto.INT64 else graph.add("Cast", lengths, to=kind)


def _replace(graph: Editor, old: str, new: str) -> set[str]:
    """Puts one value in the place of another; returns it and what is computed from it, shapes left aside."""
    graph.redirect(old, new)
    counted = {new}
    for node in graph.sorted():
        if node.op_type != "Shape" and counted.intersection(node.input):
            counted.update(node.output)
    return counted


def _follow(graph: Editor, node: NodeProto, known: dict[str, bool]) -> None:
    """Says of a node's output whether it is true or false everywhere; passes by the nodes that do nothing then."""
    said = [known.get(name) for name in node.input]
    output = node.output[0]
    if node.op_type == "ConstantOfShape":
        value = attribute(node, "value")
        if value is not None and value.data_type == TensorProto.BOOL:
            known[output] = bool(numpy_helper.to_array(value).item())
    elif node.op_type in _SAME and said[0] is not None:
        known[output] = said[0]
    elif node.op_type == "Not" and said[0] is not None:
        known[output] = not said[0]
    elif node.op_type == "Where" and said[0] is not None:
        chosen = node.input[1 if said[0] else 2]
        if chosen not in graph.constants:  # which would have to be spread out
            graph.redirect(output, chosen)
    elif node.op_type in ("And", "Mul") and True in said:
        graph.redirect(output, node.input[1 - said.index(True)])
