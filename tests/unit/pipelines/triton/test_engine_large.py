"""Large networks are rewritten as small ones are, with their weights in files."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from pipelines.errors import EngineFailed
from pipelines.triton import engine_cpu, engine_large, graph_files, weights
from pipelines.triton.engine_cpu import optimise
from pipelines.triton.engine_large import optimise_large
from pipelines.triton.graph_files import GraphFiles, unpack_graph
from pipelines.triton.mapped import MappedSession
from tests.size.networks import write_network


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GraphFiles:
    """The network of the tones and a chain of matrices, all of whose constants count as large."""
    monkeypatch.setattr(graph_files, "LARGE", 0)
    monkeypatch.setattr(weights, "_SMALL", 15)
    monkeypatch.setattr(engine_large, "_SMALL", 15)
    return unpack_graph(write_network(tmp_path / "model_graph.onnx", 1 << 20, width=256))


def test_it_is_the_same_network_as_in_memory(files: GraphFiles, tmp_path: Path) -> None:
    """The same operators, the same answers; no constant of size is in the graph."""
    in_memory = optimise(tmp_path / "model_graph.onnx", longest=100)
    mapped = optimise_large(files, longest=100)

    model = onnx.load(mapped.graph, load_external_data=False)
    assert Counter(node.op_type for node in model.graph.node) == Counter(n.op_type for n in in_memory.graph.node)
    assert all(tensor.external_data for tensor in model.graph.initializer if np.prod(tensor.dims) > 4)
    onnx.checker.check_model(str(mapped.graph))
    (tmp_path / "in_memory.onnx").write_bytes(in_memory.SerializeToString())
    networks = mapped, GraphFiles(graph=tmp_path / "in_memory.onnx")
    for one, other in zip(*(engine_cpu.try_out(MappedSession(network)) for network in networks), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_constant_that_changes_its_shape_is_not_stored_twice(files: GraphFiles) -> None:
    """Convolutions become images by another shape of the same bytes."""
    mapped = optimise_large(files, longest=100)

    (conv,) = (n for n in onnx.load(mapped.graph, load_external_data=False).graph.node if n.op_type == "Conv")
    initializers = {i.name: i for i in onnx.load(mapped.graph, load_external_data=False).graph.initializer}
    weight = initializers[conv.input[1]]
    assert list(weight.dims) == [3, 8, 1, 4]
    assert {entry.key: entry.value for entry in weight.external_data}["location"] == "model.onnx.weights"


def test_new_constants_are_written_once_and_found_again(files: GraphFiles, tmp_path: Path) -> None:
    """Constants that a rewrite computes lie in a file of their own."""
    constants = engine_large._Mapped(tmp_path)
    value = np.arange(1000, dtype=np.float32).reshape(10, 100)

    kept = constants.keep(value)
    tensor = constants.tensor("name", constants.keep(kept.reshape(1000)))

    np.testing.assert_array_equal(kept, value)
    assert list(tensor.dims) == [1000]
    assert (tmp_path / "model.onnx.rewritten").stat().st_size == 4000


def test_a_wrong_rewrite_is_refused(files: GraphFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a small network is refused for, a large one is refused for too."""

    def wrong(graph: object, *, longest: int) -> None:
        for name, value in graph.constants.items():
            graph.constants[name] = np.asarray(value * 2 if value.dtype == np.float32 else value, value.dtype)

    monkeypatch.setattr(engine_large, "rewrite", wrong)
    with pytest.raises(EngineFailed, match="the optimised graph of"):
        optimise_large(files, longest=100)
