"""What `engine_cpu.py` does, for networks of any size: weights stay in files, mapped where they are looked at.

ONNX Runtime's simplified form and ours are written with their large constants in files beside the graph, and both
networks are tried with mapped weights (`mapped.py`), so that memory does not grow with the network.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper

from pipelines.triton.engine_cpu import compare, try_out, within_reach
from pipelines.triton.graph_files import GRAPH_FILE, GraphFiles
from pipelines.triton.mapped import MappedSession, give_back, mapped_options
from pipelines.triton.onnx_editor import Constant, Editor
from pipelines.triton.rewrites import rewrite

__all__ = ["optimise_large"]

_SMALL = 64 << 10  # bytes of a constant that stays in the graph
_ALIGNMENT = 4096  # a page
_SIMPLIFIED, _REWRITTEN = f"{GRAPH_FILE}.weights", f"{GRAPH_FILE}.rewritten"


def optimise_large(files: GraphFiles, *, longest: int) -> GraphFiles:
    """Rewrites an exported network and proves that it still answers the same, as `engine_cpu.optimise` does.

    Args:
        files: The network as it was exported.
        longest: Time steps that it must be able to answer.

    Returns:
        The files of the rewritten network, in a folder beside the others.

    Raises:
        EngineFailed: The rewritten network answers differently.
    """
    folder = files.graph.with_name("rewritten")
    folder.mkdir()
    expected = try_out(MappedSession(files))
    graph = Editor(_simplify(files, folder), _Mapped(folder))
    give_back(files.weights)
    rewrite(graph, longest=within_reach(longest))
    (folder / GRAPH_FILE).write_bytes(graph.finish().SerializeToString())
    found = GraphFiles(graph=folder / GRAPH_FILE, weights=tuple(folder.glob(f"{GRAPH_FILE}.*")))
    give_back(found.weights)
    compare(files.graph.name, expected, try_out(MappedSession(found)))
    return found


def _simplify(files: GraphFiles, folder: Path) -> ModelProto:
    options = mapped_options(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC)
    options.optimized_model_filepath = str(folder / GRAPH_FILE)
    for name, value in (("file_name", _SIMPLIFIED), ("min_size_in_bytes", str(_SMALL))):
        options.add_session_config_entry(f"session.optimized_model_external_initializers_{name}", value)
    onnxruntime.InferenceSession(files.graph, options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / GRAPH_FILE, load_external_data=False)


class _Mapped:
    """Constants in files: those of the simplified graph, and new ones in a file of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: dict[tuple[int, int], tuple[str, int]] = {}  # by address and size in memory: file and offset

    def read(self, tensor: TensorProto) -> Constant:
        entries = {entry.key: entry.value for entry in tensor.external_data}
        if not entries:
            return numpy_helper.to_array(tensor)
        kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
        return self._map(entries["location"], int(entries.get("offset", 0)), kind, tuple(tensor.dims))

    def keep(self, value: Constant) -> Constant:
        if value.nbytes <= _SMALL or self._place(value) is not None:
            return value
        with (self._folder / _REWRITTEN).open("ab") as file:
            file.write(bytes(-file.tell() % _ALIGNMENT))
            offset = file.tell()
            np.ascontiguousarray(value).tofile(file)
        give_back([self._folder / _SIMPLIFIED])  # what `value` was made from
        return self._map(_REWRITTEN, offset, value.dtype, value.shape)

    def tensor(self, name: str, value: Constant) -> TensorProto:
        place = self._place(value)
        if place is None:
            return numpy_helper.from_array(value, name)
        tensor = TensorProto(
            name=name,
            dims=value.shape,
            data_type=helper.np_dtype_to_tensor_dtype(value.dtype),
            data_location=TensorProto.EXTERNAL,
        )
        for key, entry in (("location", place[0]), ("offset", place[1]), ("length", value.nbytes)):
            tensor.external_data.add(key=key, value=str(entry))
        return tensor

    def _map(self, file: str, offset: int, kind: "np.dtype[np.generic]", shape: tuple[int, ...]) -> Constant:
        mapped = np.memmap(self._folder / file, kind, "r", offset, shape)
        self._places[mapped.ctypes.data, mapped.nbytes] = file, offset
        return mapped

    def _place(self, value: Constant) -> tuple[str, int] | None:
        """Where a constant lies, also one that only has another shape."""
        return self._places.get((value.ctypes.data, value.nbytes)) if value.flags.c_contiguous else None
