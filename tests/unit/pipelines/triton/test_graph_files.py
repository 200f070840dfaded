"""Large networks: their weights are taken out of the graph, or found beside it, and they compute the same."""

import io
import tarfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from pipelines.errors import EngineFailed, NotAnArchive, TruncatedArchive
from pipelines.export.packing import pack_graph
from pipelines.triton import graph_files, weights
from pipelines.triton.graph_files import unpack_graph
from pipelines.triton.mapped import MappedSession
from tests.size.networks import write_network, write_network_with_external_data

WIDTH = 256
SIZE = 1 << 20  # four matrices
NOISE = np.random.default_rng(1).standard_normal((2, 8, 40), np.float32)


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A megabyte is large here."""
    monkeypatch.setattr(graph_files, "LARGE", SIZE // 2)


def answers(graph: Path) -> np.ndarray:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, {"audio_signal": NOISE})[0]


def packed(folder: Path) -> Path:
    parts = folder / "parts"
    parts.mkdir()
    graph = pack_graph(write_network_with_external_data(parts, SIZE, width=WIDTH))
    return graph.rename(folder / "model_graph.onnx")


def test_a_small_graph_stays_as_it_is(tmp_path: Path) -> None:
    """Nothing is written where nothing has to be."""
    graph = write_network(tmp_path / "model_graph.onnx", 1, width=8)

    files = unpack_graph(graph)

    assert (files.graph, files.weights, files.is_large) == (graph, (), False)
    assert [*tmp_path.iterdir()] == [graph]


def test_a_large_graph_computes_the_same_with_its_weights_outside(tmp_path: Path) -> None:
    """Only the weights move; what is left is small, and ONNX's own checker accepts it."""
    graph = write_network(tmp_path / "model_graph.onnx", SIZE, width=WIDTH)

    files = unpack_graph(graph)

    assert files.is_large
    assert files.graph.stat().st_size < 20_000
    onnx.checker.check_model(str(files.graph))
    np.testing.assert_array_equal(answers(files.graph), answers(graph))


def test_floats_that_are_not_raw_move_too(tmp_path: Path) -> None:
    """Some exporters store numbers as a packed list; it is the same bytes."""
    model = onnx.load(write_network(tmp_path / "raw.onnx", SIZE, width=WIDTH))
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor).ravel()
        tensor.ClearField("raw_data")
        tensor.float_data.extend(values)
    graph = tmp_path / "model_graph.onnx"
    onnx.save(model, graph)

    files = unpack_graph(graph)

    assert files.graph.stat().st_size < 20_000
    np.testing.assert_array_equal(answers(files.graph), answers(tmp_path / "raw.onnx"))


def test_external_weights_come_out_of_the_tar(tmp_path: Path) -> None:
    """nemo2riva's tar becomes a graph and weights with names of ours."""
    graph = packed(tmp_path)

    files = unpack_graph(graph)

    assert [path.name for path in files.weights] == [f"model.onnx.weights-{number:04}" for number in range(4)]
    np.testing.assert_array_equal(answers(files.graph), answers(tmp_path / "parts" / "model_graph.onnx"))


def test_a_mapped_network_answers_as_a_loaded_one(tmp_path: Path) -> None:
    """Giving the pages of the weights back while it runs changes no number."""
    files = unpack_graph(write_network(tmp_path / "model_graph.onnx", SIZE, width=WIDTH))
    session = MappedSession(files)
    expected = session.run(None, {"audio_signal": NOISE})[0]

    assert any(str(path) in Path("/proc/self/maps").read_text() for path in files.weights)
    for _ in range(50):
        np.testing.assert_array_equal(session.run(None, {"audio_signal": NOISE})[0], expected)
    np.testing.assert_allclose(expected, answers(files.graph), atol=1e-3)


def repack(path: Path, change) -> None:
    """Writes the tar again with other members: `change` takes and gives a mapping of names to contents."""
    with tarfile.open(path) as tar:
        members = {entry.name: tar.extractfile(entry).read() for entry in tar}
    with tarfile.open(path, "w") as tar:
        for name, content in change(members).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: {n: c for n, c in m.items() if n != "matrix_1"}, "there is no such file"),
        (lambda m: {**m, "matrix_1": b""}, "no graph|cannot run|0 bytes|"),
        (lambda m: {n: c for n, c in m.items() if n != "model_graph.onnx"}, "expected one graph"),
        (lambda m: {**m, "model_graph.onnx": b"\xff" * 100}, "is no ONNX file"),
        (lambda m: {**m, "model_graph.onnx": m["model_graph.onnx"].replace(b"matrix_1", b"../etc/x")}, "no such file"),
    ],
    ids=["missing", "empty", "no-graph", "not-onnx", "leads-out"],
)
def test_a_tar_that_is_not_a_network_is_refused(tmp_path: Path, change, message: str) -> None:
    """Every weight must be there, inside the tar."""
    graph = packed(tmp_path)
    repack(graph, change)

    if message.startswith("no graph"):  # no length is declared: ONNX Runtime finds that too little is there
        assert unpack_graph(graph).weights
        return
    with pytest.raises(EngineFailed, match=message):
        unpack_graph(graph)


def test_nothing_else_is_unpacked(tmp_path: Path) -> None:
    """A module that Triton's Python would import by mistake does not reach the model's folder."""
    graph = packed(tmp_path)
    repack(graph, lambda members: {**members, "numpy.py": b"evil", "../../model.py": b"evil"})

    files = unpack_graph(graph)

    written = {path for path in tmp_path.rglob("*") if path.is_file()} - {*(tmp_path / "parts").iterdir(), graph}
    assert written == {files.graph, *files.weights}


def test_a_damaged_tar_is_told(tmp_path: Path) -> None:
    """A tar that ends early is not half unpacked."""
    graph = packed(tmp_path)
    graph.write_bytes(graph.read_bytes()[:-300_000])

    with pytest.raises((TruncatedArchive, NotAnArchive)):
        unpack_graph(graph)


@pytest.mark.parametrize("content", [b"", b"\x3a\xff\xff\xff\xff\x0f", b"\x07" * 50, b"\x80" * 50, b"\x3a\x02\x2a\x70"])
def test_what_is_no_graph_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Fields that end nowhere, kinds that do not exist: an error, not a loop."""
    monkeypatch.setattr(graph_files, "LARGE", -1)
    (tmp_path / "model_graph.onnx").write_bytes(content)

    if content:
        with pytest.raises(EngineFailed, match="is no ONNX file"):
            unpack_graph(tmp_path / "model_graph.onnx")
    else:
        assert unpack_graph(tmp_path / "model_graph.onnx").graph.read_bytes() == b""


def test_a_graph_of_anything_but_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept in memory is bounded, whatever the file holds."""
    monkeypatch.setattr(weights, "_REST", 1000)

    with pytest.raises(EngineFailed, match="are not weights"):
        unpack_graph(write_network(tmp_path / "model_graph.onnx", SIZE, width=WIDTH))
