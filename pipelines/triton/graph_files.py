"""The files of a network: an ONNX file, and its weights beside it where there are many.

Protocol buffers end at 2 GB: a larger model has its weights in files of their own ("external data"), and nemo2riva
packs all of them into an uncompressed tar under the graph's name. A smaller, but large one is brought into the same
form here (`weights.py`), so that the weights of any large network are mapped, here and in Triton.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pipelines.archive.damage import reading
from pipelines.archive.tar import tar_members
from pipelines.archive.window import Window
from pipelines.errors import EngineFailed
from pipelines.triton.weights import move_weights_out

if TYPE_CHECKING:
    from onnx import TensorProto

__all__ = ["GRAPH_FILE", "LARGE", "GraphFiles", "unpack_graph"]

GRAPH_FILE = "model.onnx"
LARGE = 16 << 20  # bytes; a smaller network is loaded, which takes several times its size
_GRAPH_LIMIT = 64 << 20  # bytes of a graph whose weights lie beside it
_TAR_MAGIC, _TAR_MAGIC_OFFSET = b"ustar", 257
_EXPORT_AGAIN = "export the checkpoint again with nemo2riva"


@dataclass(frozen=True, kw_only=True)
class GraphFiles:
    """A network in a folder.

    Args:
        graph: The ONNX file.
        weights: The files that it refers to, in the same folder.
    """

    graph: Path
    weights: tuple[Path, ...] = ()

    @property
    def is_large(self) -> bool:
        """Whether it is to be mapped, not loaded."""
        return sum(path.stat().st_size for path in (self.graph, *self.weights)) > LARGE


def unpack_graph(packed: Path) -> GraphFiles:
    """Makes the files of a network from the one file that an archive stores, in constant memory.

    Nothing but weights that the graph refers to is unpacked, and under names of ours: Triton would run a file
    `model.py`, and Python would import a `numpy.py` that lay beside it.

    Args:
        packed: An ONNX file, or a tar of one and its weights; what is made of it lies in a new folder beside it, unless
            it is a small ONNX file, which stays where it is.

    Raises:
        EngineFailed: The graph refers to weights that are not there, or is no ONNX file.
        NotAnArchive, TruncatedArchive: The tar is damaged.
    """
    folder = packed.with_name(f"{packed.name}-files")
    with packed.open("rb") as stream:
        stream.seek(_TAR_MAGIC_OFFSET)
        is_tar = stream.read(len(_TAR_MAGIC)) == _TAR_MAGIC
        if not is_tar and packed.stat().st_size <= LARGE:
            return GraphFiles(graph=packed)
        folder.mkdir()
        if not is_tar:
            return GraphFiles(graph=folder / GRAPH_FILE, weights=move_weights_out(packed, folder / GRAPH_FILE))
        with reading(packed):
            stream.seek(0)
            members = tar_members(stream, packed)
        return _unpacked(packed, {str(PurePosixPath(name)): window for name, window in members.items()}, folder)


def _unpacked(packed: Path, members: Mapping[str, Window], folder: Path) -> GraphFiles:
    from google.protobuf.message import DecodeError
    from onnx import load_model_from_string

    graphs = [name for name in members if name.endswith(".onnx")]
    name = packed.name if packed.name in members else graphs[0] if len(graphs) == 1 else ""
    if not name or members[name].size > _GRAPH_LIMIT:
        raise EngineFailed(
            f"{packed.name} holds {', '.join(members) or 'nothing'}, expected one graph and its weights",
            "the archive was not made by nemo2riva",
            _EXPORT_AGAIN,
        )
    try:
        model = load_model_from_string(members[name].open().read())
    except DecodeError as error:
        raise EngineFailed(f"{name} is no ONNX file: {error}", "the archive is damaged", _EXPORT_AGAIN) from error
    places: dict[str, str] = {}
    for tensor in _external_tensors([model.graph, *model.functions]):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        source = _source(packed, members, tensor.name, entries)
        entries["location"] = places.setdefault(source, f"{GRAPH_FILE}.weights-{len(places):04}")
        del tensor.external_data[:]
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
    for source, place in places.items():
        members[source].copy(folder / place)
    (folder / GRAPH_FILE).write_bytes(model.SerializeToString())
    return GraphFiles(graph=folder / GRAPH_FILE, weights=tuple(folder / place for place in places.values()))


def _external_tensors(graphs: Iterable[Any]) -> Iterator["TensorProto"]:
    """Tensors of graphs and functions, and of the graphs within their nodes, whose data lie elsewhere."""
    for graph in graphs:
        found = [*getattr(graph, "initializer", ())]
        for node in graph.node:
            for attribute in node.attribute:
                found += [attribute.t, *attribute.tensors]
                yield from _external_tensors([attribute.g, *attribute.graphs])
        yield from (tensor for tensor in found if tensor.external_data)


def _source(packed: Path, members: Mapping[str, Window], tensor: str, entries: Mapping[str, str]) -> str:
    """The member that holds a tensor's data, all of them."""
    location = str(PurePosixPath(entries.get("location", "")))
    size = members[location].size if location in members else -1
    offset, length = entries.get("offset", "0"), entries.get("length", "0")
    if not (offset.isdecimal() and length.isdecimal() and int(offset) + int(length) <= size):
        raise EngineFailed(
            f"{packed.name}: the weights {tensor!r} lie at byte {offset} of {location!r}, {length} bytes long; "
            + (f"that has {size:,} bytes" if size >= 0 else "there is no such file"),
            "the archive was not made by nemo2riva, or is damaged",
            _EXPORT_AGAIN,
        )
    return location
