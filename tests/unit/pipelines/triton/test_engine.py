"""An engine is tried before it is handed over."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from pipelines.errors import EngineFailed
from pipelines.triton.engine import Graph, Tensor, build_engine
from tests.tones.archive import tone_network

INPUTS = (Tensor(name="audio_signal", dtype="float32", shape=(-1, 8, -1)),)
OUTPUTS = (Tensor(name="logprobs", dtype="float32", shape=(-1, -1, 3)),)
PROBE = {"audio_signal": np.zeros((2, 8, 40), np.float32)}


@pytest.fixture
def graph_at(tmp_path):
    """Writes a graph; `tensors` are what is declared of it."""

    def make(content: bytes, inputs=INPUTS, outputs=OUTPUTS):
        path = tmp_path / "model_graph.onnx"
        path.write_bytes(content)
        return Graph(path=path, inputs=inputs, outputs=outputs, longest=10)

    return make


def test_the_engine_is_the_graph_that_answers_the_same(graph_at):
    """What is handed to Triton computes what the exported graph computes."""
    import onnxruntime

    graph = graph_at(tone_network().SerializeToString())
    engine = build_engine(graph, target="cpu", probe=PROBE, steps=10)

    assert (engine.kind, engine.backend, list(engine.files)) == ("onnx", "python", ["model.onnx"])
    path = engine.files["model.onnx"]
    assert isinstance(path, Path)
    frames = np.random.default_rng(0).normal(-10, 5, (1, 8, 61)).astype(np.float32)
    first, second = (onnxruntime.InferenceSession(p).run(None, {"audio_signal": frames})[0] for p in (graph.path, path))
    np.testing.assert_allclose(first, second, atol=1e-4)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"inputs": (*INPUTS, Tensor(name="length", dtype="int64", shape=(-1,)))}, "inputs"),
        ({"outputs": (Tensor(name="logits", dtype="float32", shape=(-1, -1, 3)),)}, "outputs"),
    ],
)
def test_other_tensors_than_declared_are_refused(graph_at, declared, said):
    """Names, types and ranks are compared; both lists are in the message."""
    with pytest.raises(EngineFailed, match=said):
        build_engine(graph_at(tone_network().SerializeToString(), **declared), target="cpu", probe=PROBE, steps=10)


def test_another_time_step_is_refused(graph_at):
    """A network that answers fewer steps than its time step says would shift every word."""
    with pytest.raises(EngineFailed, match="answers 10 time steps, expected 5"):
        build_engine(graph_at(tone_network().SerializeToString()), target="cpu", probe=PROBE, steps=5)


def test_broken_weights_are_refused(graph_at):
    """NaN in, NaN out: found here and not as empty transcripts."""
    model = tone_network()
    weights = next(value for value in model.graph.initializer if value.name == "weights")
    weights.CopyFrom(onnx.numpy_helper.from_array(np.full((3, 8, 4), np.nan, np.float32), "weights"))

    with pytest.raises(EngineFailed):
        build_engine(graph_at(model.SerializeToString()), target="cpu", probe=PROBE, steps=10)


@pytest.mark.parametrize("content", [b"", b"no graph"], ids=["empty", "text"])
def test_no_graph_is_refused(graph_at, content):
    """A damaged file is an error with a remedy, not ONNX Runtime's exception."""
    with pytest.raises(EngineFailed, match="cannot run"):
        build_engine(graph_at(content), target="cpu", probe=PROBE, steps=10)
