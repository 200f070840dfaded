"""Self-attention with relative positions (Dai et al., 2019), NeMo's `RelPositionMultiHeadAttention`."""

from dataclasses import dataclass

import numpy as np
from onnx import NodeProto
from onnx.helper import make_node

from pipelines.triton.onnx_editor import Constant, Editor

__all__ = ["fuse_attention"]

_TO_THE_END = np.iinfo(np.int64).max


def fuse_attention(graph: Editor, *, longest: int) -> None:
    """Hands attention to ONNX Runtime's own operator, and the scores of the positions to it as a bias.

    Biases, scale, softmax and the turning of the heads are done inside `MultiHeadAttention` (ONNX Runtime's contributed
    operators). The projected positions do not depend on the audio: they are constants here, as many as the longest
    window needs. One more than NeMo's of them makes the scores as wide as the padding did that shifts each row by one.
    A mask that limits the context becomes one bias that all layers share: Softmax still makes exact zeros of it.

    Args:
        graph: The network.
        longest: Time steps that attention must be able to see.
    """
    fused = _Fused(graph)
    for softmax in graph.find("Softmax"):
        try:
            layer = _Layer.read(graph, softmax, longest)
        except _OtherForm:
            continue
        graph.redirect(layer.output, fused.attention(layer))


class _OtherForm(Exception):
    """This is not NeMo's relative attention."""


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """One layer's attention as NeMo exports it.

    Attributes:
        query, key, value: Products with the weights, (batch, time, heads * width).
        biases: What is added to the three, (3, heads * width), with the query's bias against the content.
        position_bias: What is added to the query against the positions, (heads * width).
        positions: Projected and divided as all scores are, (1, heads, 2 * reach, width); the first is `reach` steps
            ahead.
        scale: Factor of the scores of the content.
        mask, blocked: Where no key may be seen, and the score there; `mask` is empty if all may.
        output: (batch, time, heads * width).
    """

    query: str
    key: str
    value: str
    biases: Constant
    position_bias: Constant
    positions: Constant
    scale: float
    mask: str
    blocked: float
    output: str

    @classmethod
    def read(cls, graph: Editor, softmax: NodeProto, longest: int) -> "_Layer":
        """Follows the graph from a layer's softmax, up to the products with the weights and down to the context.

        Raises:
            _OtherForm: Something else was found on the way.
        """
        masked = graph.maker(softmax.input[0], "Where")
        divided = _maker(graph, masked.input[2] if masked else softmax.input[0], "Div")
        total = _maker(graph, divided.input[0], "Add")
        content = _maker(graph, total.input[0], "MatMul")
        shifted = _maker(graph, total.input[1], "Slice", "Reshape", "Slice", "Reshape", "Pad", "MatMul")
        weights = _user(graph, softmax.output[0], "Where").output[0] if masked else softmax.output[0]
        context = _user(graph, weights, "MatMul")

        query, content_bias = _biased(graph, _maker(graph, content.input[0], "Transpose", "Add"))
        same, position_bias = _biased(graph, _maker(graph, shifted.input[0], "Transpose", "Add"))
        if same != query:
            raise _OtherForm
        query, query_bias = _linear(graph, query)
        key, key_bias = _linear(graph, _maker(graph, content.input[1], "Transpose").input[0])
        value, value_bias = _linear(graph, _maker(graph, context.input[1], "Transpose").input[0])

        projection = _maker(graph, shifted.input[1], "Transpose", "Reshape", "MatMul")
        table = _constant(graph, _maker(graph, projection.input[0], "Slice").input[0])[0]
        reach = min(longest, len(table) // 2 + 1)
        first = len(table) // 2 - reach + 1  # with a row of zeros before the table, for a window as long as it
        rows = np.concatenate([np.zeros_like(table[:1]), table])[first : first + 2 * reach]
        divisor = _constant(graph, divided.input[1])
        heads, width = content_bias.shape
        positions = rows @ _constant(graph, projection.input[1]) / divisor
        return cls(
            query=query,
            key=key,
            value=value,
            biases=np.stack([query_bias + content_bias.reshape(-1), key_bias, value_bias]),
            position_bias=query_bias + position_bias.reshape(-1),
            positions=np.ascontiguousarray(positions.reshape(1, 2 * reach, heads, width).swapaxes(1, 2)),
            scale=1 / float(divisor),
            mask=masked.input[0] if masked else "",
            blocked=float(_constant(graph, masked.input[1])) if masked else 0.0,
            output=_user(graph, _user(graph, context.output[0], "Transpose").output[0], "Reshape").output[0],
        )


def _maker(graph: Editor, value: str, *kinds: str) -> NodeProto:
    node = graph.maker(value, *kinds)
    if node is None:
        raise _OtherForm
    return node


def _user(graph: Editor, value: str, kind: str) -> NodeProto:
    nodes = graph.users(value)
    if [node.op_type for node in nodes if node.op_type != "Shape"] != [kind]:
        raise _OtherForm
    return next(node for node in nodes if node.op_type == kind)


def _constant(graph: Editor, name: str) -> Constant:
    if name not in graph.constants:
        raise _OtherForm
    return graph.constants[name]


def _biased(graph: Editor, add: NodeProto) -> tuple[str, Constant]:
    """The value and the constant that are added, in any order."""
    first, second = add.input
    if second not in graph.constants:
        first, second = second, first
    return first, _constant(graph, second)


def _linear(graph: Editor, heads: str) -> tuple[str, Constant]:
    """The product behind values that were cut into heads, and its bias or zeros."""
    value = _maker(graph, heads, "Reshape").input[0]
    bias = None
    if graph.maker(value, "Add"):
        value, bias = _biased(graph, _maker(graph, value, "Add"))
    weights = _constant(graph, _maker(graph, value, "MatMul").input[1])
    return value, np.zeros(weights.shape[1], weights.dtype) if bias is None else bias


class _Fused:
    """Writes layers in the new form; what they share is written once."""

    def __init__(self, graph: Editor) -> None:
        self._graph = graph
        self._masks: dict[str, str] = {}
        self._time = ""  # (1): time steps

    def attention(self, layer: _Layer) -> str:
        """Returns the context that takes the place of the layer's."""
        add, constant = self._graph.add, self._graph.constant
        _, heads, positions, width = layer.positions.shape
        if not self._time:
            self._time = add("Gather", add("Shape", layer.query), constant([1]))
        time, reach = self._time, constant([positions // 2])
        near = add("Slice", constant(layer.positions), add("Sub", reach, time), add("Add", reach, time), constant([2]))
        query = add("Reshape", add("Add", layer.query, constant(layer.position_bias)), constant([0, 0, heads, width]))
        scores = add("MatMul", add("Transpose", query, perm=[0, 2, 1, 3]), add("Transpose", near, perm=[0, 1, 3, 2]))
        # Rows are two times as wide as they are many; read as one element less wide, each begins one step further on.
        flat = add("Reshape", scores, constant([0, 0, -1]))
        skewed = add("Slice", flat, time, constant([_TO_THE_END]), constant([2]))
        shape = add("Concat", constant([0, 0]), time, constant([-1]), axis=0)
        shifted = add("Slice", add("Reshape", skewed, shape), constant([0]), time, constant([3]))
        bias = add("Add", shifted, self._mask(layer)) if layer.mask else shifted
        node = make_node(
            "MultiHeadAttention",
            [layer.query, layer.key, layer.value, constant(layer.biases.reshape(-1)), "", bias],
            [f"{layer.output}/fused"],
            domain="com.microsoft",
            num_heads=heads,
            scale=layer.scale,
        )
        self._graph.insert(node)
        return str(node.output[0])

    def _mask(self, layer: _Layer) -> str:
        if layer.mask not in self._masks:
            blocked, free = (self._graph.constant(np.float32(score)) for score in (layer.blocked, 0))
            self._masks[layer.mask] = self._graph.add("Where", layer.mask, blocked, free)
        return self._masks[layer.mask]
