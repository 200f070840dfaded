"""An exported graph as one file, also where its weights lie beside it."""

import tarfile
from pathlib import Path

from pipelines.export.processes import check_regular

__all__ = ["pack_graph"]


def pack_graph(graph: Path) -> Path:
    """Returns the file to store for a graph in a folder of its own.

    Protocol buffers end at 2 GB: a larger model is exported with its weights in files beside the graph. nemo2riva then
    stores an uncompressed tar of all of them under the graph's name, and so do we.

    Raises:
        ExportFailed: There is no graph, or something that is not a plain file.
    """
    parts = sorted(graph.parent.iterdir())
    for part in [graph, *parts]:
        check_regular(part)
    if parts == [graph]:
        return graph
    packed = graph.parent.with_name(f"{graph.name}.tar")
    with tarfile.open(packed, "w") as tar:
        for part in [graph, *(part for part in parts if part != graph)]:
            entry = tarfile.TarInfo(part.name)
            entry.size, entry.mode = part.stat().st_size, 0o644
            with part.open("rb") as stream:
                tar.addfile(entry, stream)
    return packed
