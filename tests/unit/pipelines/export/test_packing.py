"""A graph is stored as one file, whatever its size."""

import tarfile
from pathlib import Path

from pipelines.export.packing import pack_graph


def test_a_graph_alone_is_stored_as_it_is(tmp_path: Path) -> None:
    """A graph that holds its weights is not packed."""
    graph = tmp_path / "graph" / "model_graph.onnx"
    graph.parent.mkdir()
    graph.write_bytes(b"graph")

    assert pack_graph(graph) == graph


def test_a_graph_with_weights_beside_it_becomes_a_tar(tmp_path: Path) -> None:
    """Graph first, then its weights, in a tar that is the same whenever it is made."""
    graph = tmp_path / "graph" / "model_graph.onnx"
    graph.parent.mkdir()
    graph.write_bytes(b"graph")
    (graph.parent / "layer.weight").write_bytes(b"weights")

    first = pack_graph(graph).read_bytes()
    packed = pack_graph(graph)

    assert packed.read_bytes() == first
    with tarfile.open(packed) as tar:
        assert tar.getnames() == ["model_graph.onnx", "layer.weight"]
