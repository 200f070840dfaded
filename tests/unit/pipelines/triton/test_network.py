"""A network's own model has the tensors of its graph, and is called what Riva calls it."""

from pathlib import Path

import pytest
from tritonclient.grpc import model_config_pb2 as pb

from pipelines.triton.engine import Engine, Graph, Tensor
from pipelines.triton.model_config import parameter_values
from pipelines.triton.network import network_model
from pipelines.triton.repository import TritonModel

GRAPH = Graph.declared(
    Path("graph.onnx"),
    {
        "inputs": [
            {"name": "audio_signal", "dtype": "float32", "shape": [-1, 80, -1]},
            {"name": "length", "dtype": "int64", "shape": [-1]},
        ],
        "outputs": [{"name": "logprobs", "dtype": "float32", "shape": [-1, -1, 3]}],
    },
    longest=100,
)


def model(backend: str = "python", kind: str = "onnx") -> TritonModel:
    engine = Engine(
        kind=kind, backend=backend, inputs=GRAPH.inputs, outputs=GRAPH.outputs, files={"model.onnx": b"graph"}
    )
    return network_model(engine, suffix="x-am-streaming", max_batch_size=7, gathering=1000, spread=True, together=False)


def test_the_facts_of_an_export_declare_the_graph() -> None:
    """Names, types and shapes, the batch first."""
    assert GRAPH.inputs[0] == Tensor(name="audio_signal", dtype="float32", shape=(-1, 80, -1))
    assert [tensor.name for tensor in GRAPH.outputs] == ["logprobs"]


def test_tensors_are_those_of_the_graph() -> None:
    """Without the batch dimension, which is Triton's; one number an item has no dimension of its own."""
    config = model().config

    assert [(t.name, t.data_type, list(t.dims)) for t in config.input] == [
        ("audio_signal", pb.TYPE_FP32, [80, -1]),
        ("length", pb.TYPE_INT64, [1]),
    ]
    assert [(t.name, t.data_type, list(t.dims)) for t in config.output] == [("logprobs", pb.TYPE_FP32, [-1, 3])]
    assert config.input[1].HasField("reshape")
    assert (config.max_batch_size, config.dynamic_batching.max_queue_delay_microseconds) == (7, 1000)


@pytest.mark.parametrize(
    ("backend", "kind", "files", "ragged"),
    [("python", "onnx", {"model.onnx", "model.py"}, True), ("tensorrt", "trt", {"model.onnx"}, False)],
)
def test_any_engine_takes_its_place(backend: str, kind: str, files: set[str], ragged: bool) -> None:
    """The name tells the engine; only the Python backend needs code, and takes items of any length side by side."""
    made = model(backend, kind)

    assert made.name == f"riva-{kind}-x-am-streaming"
    assert set(made.files) == files
    assert made.config.input[0].allow_ragged_batch is ragged


def test_clients_do_not_see_it() -> None:
    """It belongs to no service of the API; how it runs stands in its parameters."""
    assert parameter_values(model().config) == {
        "service": "network",
        "threads": "0",
        "spread": "True",
        "together": "False",
    }
