"""Networks of any size, written in constant memory: that of the tones, and a chain of square matrices behind it."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.tones.archive import tone_network

WIDTH = 2048


def write_network(path: Path, size: int, *, width: int = WIDTH) -> Path:
    """Writes one ONNX file of about `size` bytes; protocol buffers end at 2 GiB."""
    model, matrices = _chain(size, width)
    graph = model.graph.SerializeToString()
    del model.graph.node[:]
    model.ClearField("graph")
    head = model.SerializeToString()
    tensors = [TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[width, width]) for name in matrices]
    bodies = [tensor.SerializeToString() + b"\x4a" + _varint(4 * width * width) for tensor in tensors]  # raw_data
    initializers = [b"\x2a" + _varint(len(body) + 4 * width * width) + body for body in bodies]
    total = len(graph) + sum(len(initializer) + 4 * width * width for initializer in initializers)
    with path.open("wb") as file:
        file.write(head + b"\x3a" + _varint(total) + graph)
        for initializer, block in zip(initializers, _blocks(width), strict=False):
            file.write(initializer)
            file.write(block)
    return path


def write_network_with_external_data(folder: Path, size: int, *, width: int = WIDTH) -> Path:
    """Writes an ONNX file and, as torch's exporter does, a file beside it for each large tensor."""
    model, matrices = _chain(size, width)
    for name, block in zip(matrices, _blocks(width), strict=False):
        (folder / name).write_bytes(block)
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[width, width], data_location=1)
        tensor.external_data.add(key="location", value=name)
        model.graph.initializer.append(tensor)
    path = folder / "model_graph.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _chain(size: int, width: int) -> tuple[onnx.ModelProto, list[str]]:
    model = tone_network()
    graph = model.graph
    names = [f"matrix_{number}" for number in range(max(1, size // (4 * width * width)))]
    transpose = graph.node[2]
    assert transpose.output[0] == "steps"
    transpose.output[0] = "wide_0"
    spread = np.zeros((3, width), np.float32)
    spread[:, :3] = np.eye(3)
    graph.initializer.extend([numpy_helper.from_array(spread, "in"), numpy_helper.from_array(spread.T.copy(), "out")])
    softmax = graph.node.pop()
    nodes = [helper.make_node("MatMul", ["wide_0", "in"], ["chain_0"])]
    for number, name in enumerate(names):
        nodes.append(helper.make_node("MatMul", [f"chain_{number}", name], [f"chain_{number + 1}"]))
    nodes.append(helper.make_node("MatMul", [f"chain_{len(names)}", "out"], ["steps"]))
    graph.node.extend([*nodes, softmax])
    return model, names


def _blocks(width: int) -> Iterator[bytes]:
    """Matrices near the identity, each another one; as weights do, they do not compress."""
    noise = np.random.default_rng(0).standard_normal((width, width), np.float32) * np.float32(1e-3 / math.sqrt(width))
    shift = 0
    while True:
        shift += 1
        yield (np.roll(noise, shift) + np.eye(width, dtype=np.float32)).tobytes()


def _varint(number: int) -> bytes:
    """A number as protocol buffers write it: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
