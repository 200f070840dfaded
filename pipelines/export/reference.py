"""What the checkpoint itself computes, from a fresh restore in a process of its own.

NeMo's `export()` switches the masks of convolutions off in the live module, so a comparison with the exported object
agrees falsely. This process is forked after the libraries were imported and before anything was restored; it never
sees the export.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.export.job import ExportJob
from pipelines.registry import load_pipeline

__all__ = ["write_reference"]


def write_reference(job: ExportJob) -> None:
    """Writes the room's reference inputs and outputs, batch 1 each.

    The file is a NumPy archive with arrays `<index>/inputs/<name>` and `<index>/outputs/<position in the graph>`.
    """
    network = load_pipeline(job.pipeline).network()
    arrays: dict[str, npt.NDArray[Any]] = {}
    with torch.inference_mode():
        for index, reference in enumerate(network.references(network.restore(job).eval(), job)):
            arrays |= {f"{index}/inputs/{name}": array for name, array in reference.inputs.items()}
            arrays |= {f"{index}/outputs/{place}": array for place, array in enumerate(reference.outputs)}
    np.savez(job.reference, allow_pickle=False, **arrays)
