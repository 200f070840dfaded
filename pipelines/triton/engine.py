"""From a network's graph to what runs it: one function a target, all of the same shape.

`cpu` runs the graph in ONNX Runtime on Triton's Python backend, because Triton's own `onnxruntime` backend is not part
of the wheel. TensorRT is the next target: a function here that returns a plan file and `backend: "tensorrt"`; nothing
else changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import EngineFailed
from pipelines.triton.graph_files import GRAPH_FILE, GraphFiles, unpack_graph

__all__ = ["TARGETS", "Engine", "Graph", "Tensor", "build_engine"]

_TRIED = 1200  # frames or tokens: a network that has much to compute touches its weights slowly


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or output of a graph; -1 is a dimension of any size, and the first one is the batch."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def declared(cls, entry: Mapping[str, Any]) -> "Tensor":
        """Reads an entry of the facts of an export."""
        return cls(name=entry["name"], dtype=entry["dtype"], shape=tuple(entry["shape"]))


@dataclass(frozen=True, kw_only=True)
class Graph:
    """An ONNX file, what its maker says of it, and how it will be used.

    Args:
        path: The file.
        inputs, outputs: As declared.
        longest: Time steps or tokens that the network is asked for at once, at most.
    """

    path: Path
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    longest: int

    @classmethod
    def declared(cls, path: Path, facts: Mapping[str, Any], *, longest: int) -> "Graph":
        """The graph at `path` with the inputs and outputs that the facts of its export name."""
        return cls(
            path=path,
            longest=longest,
            inputs=tuple(map(Tensor.declared, facts["inputs"])),
            outputs=tuple(map(Tensor.declared, facts["outputs"])),
        )


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What runs a network.

    Args:
        kind: The word in the model's name: `onnx` or `trt`.
        backend: Triton's name of the backend.
        inputs: Those of the graph, but for what it has no use for.
        outputs: The graph's.
        files: What the version folder of the model holds.
    """

    kind: str
    backend: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    files: Mapping[str, bytes | Path]


def build_engine(graph: Graph, *, target: str, probe: Mapping[str, Any], steps: int) -> Engine:
    """Builds the engine of `graph` for a target and tries it.

    Args:
        graph: The network.
        target: A key of `TARGETS`.
        probe: Inputs for the trial, by name.
        steps: Time steps that the first output must have for it.

    Raises:
        EngineFailed: The graph is not what its maker says, or does not run.
    """
    return TARGETS[target](graph, probe, steps)


def _onnx_runtime(graph: Graph, probe: Mapping[str, Any], steps: int) -> Engine:
    """Rewrites the graph for a CPU; ONNX Runtime fits it to the processor at hand when Triton loads it."""
    files = unpack_graph(graph.path)
    if files.graph != graph.path:
        graph.path.unlink()  # gigabytes that lie in `files` now
    try:
        network, inputs, answers = (_try_large if files.is_large else _try)(graph, files, probe)
    except _onnx_runtime_errors() as error:
        raise EngineFailed(
            f"ONNX Runtime cannot run {graph.path.name}: {error}",
            "the archive is damaged, or its graph needs a newer ONNX Runtime",
            "export the checkpoint again with nemo2riva",
        ) from error
    _check_answers(graph, answers, steps)
    return Engine(
        kind="onnx",
        backend="python",
        inputs=inputs,
        outputs=graph.outputs,
        files={GRAPH_FILE: network.graph, **{part.name: part for part in network.weights}},
    )


_Tried = tuple[GraphFiles, tuple[Tensor, ...], list[Any]]  # the network, the inputs that it takes, its answers


def _try(graph: Graph, files: GraphFiles, probe: Mapping[str, Any]) -> _Tried:
    import onnx
    import onnxruntime

    from pipelines.triton.engine_cpu import optimise

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is told by the caller's error
    session = onnxruntime.InferenceSession(files.graph, options, providers=["CPUExecutionProvider"])
    _compare("inputs", graph.inputs, session.get_inputs())
    _compare("outputs", graph.outputs, session.get_outputs())
    if _is_rewritten(graph) and not files.weights:
        files = GraphFiles(graph=graph.path.with_name(GRAPH_FILE))
        onnx.save(optimise(graph.path, longest=graph.longest), files.graph)
        session = onnxruntime.InferenceSession(files.graph, options, providers=["CPUExecutionProvider"])
    inputs = _taken(graph, session)
    return files, inputs, session.run(None, {tensor.name: probe[tensor.name] for tensor in inputs})


def _try_large(graph: Graph, files: GraphFiles, probe: Mapping[str, Any]) -> _Tried:
    """The same with mapped weights: memory does not grow with the network."""
    from pipelines.triton.engine_large import optimise_large
    from pipelines.triton.mapped import MappedSession

    session = MappedSession(files)
    _compare("inputs", graph.inputs, session.get_inputs())
    _compare("outputs", graph.outputs, session.get_outputs())
    del session
    if _is_rewritten(graph):
        exported, files = files, optimise_large(files, longest=graph.longest)
        for path in (exported.graph, *exported.weights):
            path.unlink()
    session = MappedSession(files)
    inputs = _taken(graph, session)
    first = next(iter(probe.values()))
    repeats = max(1, _TRIED // (len(first) * first.shape[-1]))
    return files, inputs, session.run(None, {each.name: probe[each.name].repeat(repeats, axis=0) for each in inputs})


def _taken(graph: Graph, session: Any) -> tuple[Tensor, ...]:
    names = {entry.name for entry in session.get_inputs()}
    return tuple(tensor for tensor in graph.inputs if tensor.name in names)


def _is_rewritten(graph: Graph) -> bool:
    """Acoustic encoders take (batch, features, time); of text encoders ONNX Runtime knows all forms."""
    return len(graph.inputs[0].shape) == 3


def _check_answers(graph: Graph, answers: Sequence[Any], steps: int) -> None:
    import numpy as np

    found, finite = answers[0].shape[1], all(np.isfinite(answer).all() for answer in answers)
    if found != steps or not finite:
        raise EngineFailed(
            f"{graph.path.name} answers {found} time steps, expected {steps}, "
            f"{'all finite' if finite else 'some of them not finite'}",
            "the time step in the archive is not the network's, or its weights are broken",
            "export the checkpoint again with nemo2riva",
        )


def _onnx_runtime_errors() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions have no common base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    return tuple(getattr(state, name) for name in names)


TARGETS: dict[str, Callable[[Graph, Mapping[str, Any], int], Engine]] = {"cpu": _onnx_runtime}

_ONNX_RUNTIME_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32"}


def _compare(kind: str, declared: Sequence[Tensor], found: Sequence[Any]) -> None:
    expected = [(tensor.name, tensor.dtype, len(tensor.shape)) for tensor in declared]
    actual = [(entry.name, _ONNX_RUNTIME_TYPES.get(entry.type, entry.type), len(entry.shape)) for entry in found]
    if expected != actual:
        raise EngineFailed(
            f"the graph's {kind} are {actual}, the archive declares {expected}",
            "the graph in the archive was replaced",
            "export the checkpoint again with nemo2riva",
        )
