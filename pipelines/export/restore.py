"""A NeMo model from an unpacked checkpoint, and what NeMo raises on the way as errors of ours."""

import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from nemo.collections.asr import models
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

from pipelines.errors import BrokenCheckpoint, ExportFailed, RivaError, UsageError

__all__ = ["nemo_border", "part_of", "restore"]

_NAMED = 5  # tensors that a message names at most


def restore(class_name: str, folder: Path, device: str) -> Any:
    """Restores a model and sets it to evaluation.

    Weights are unpickled with torch's `weights_only`, whatever the environment says.

    Raises:
        BrokenCheckpoint: The weights hold more than tensors, or a weight is not a number or infinite.
        ExportFailed: NeMo cannot restore the model.
    """
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    connector = SaveRestoreConnector()
    connector.model_extracted_dir = str(folder)
    why = "the checkpoint was made by another NeMo version, or its configuration does not fit its weights"
    with nemo_border("restore", why, "save the model again with this NeMo version"):
        model = getattr(models, class_name).restore_from(
            str(folder), map_location=torch.device(device), save_restore_connector=connector
        )
    bad = [
        name
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        raise BrokenCheckpoint(
            f"weights are NaN or infinite: {', '.join(bad[:_NAMED])}{more}",
            "the training diverged, or the checkpoint was saved in the middle of a step",
            "export an earlier checkpoint of the same training",
        )
    return model.eval()


def part_of(model: Any, subnet: str | None) -> Any:
    """Returns the part of a model that `--export-subnet` names, or the model itself.

    Raises:
        UsageError: There is no such part, or NeMo cannot export it.
    """
    part = model if subnet is None else getattr(model, subnet, None)
    if not hasattr(part, "export"):
        parts = ", ".join(name for name, child in model.named_children() if hasattr(child, "export"))
        raise UsageError(f"--export-subnet {subnet}: the model has no such part", fix=f"name one of {parts}")
    return part


@contextmanager
def nemo_border(verb: str, why: str, fix: str) -> Iterator[None]:
    """Translates what NeMo raises, which may be anything, but not what the machine lacks (memory, disk).

    Raises:
        BrokenCheckpoint: The weights hold objects that are not loaded.
        ExportFailed: Anything else, with NeMo's message and the given reason and remedy.
    """
    try:
        yield
    except (RivaError, OSError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        what = f"NeMo {importlib.metadata.version('nemo_toolkit')} could not {verb} the checkpoint"
        if isinstance(error, UnpicklingError):
            why = "the weights are damaged, or hold objects besides tensors, which are never loaded"
            raise BrokenCheckpoint(what, why, "save the model again with NeMo's save_to()") from error
        text = next(iter(str(error).strip().splitlines()), "no message")
        fix = f"{fix}; --verbose shows NeMo's own log"
        raise ExportFailed(f"{what}: {type(error).__name__}: {text}", why, fix) from error
