"""A NeMo model from an unpacked checkpoint."""

import os
from pathlib import Path
from typing import Any

import torch
from nemo.collections.asr import models
from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

from pipelines.errors import BrokenCheckpoint, UsageError

__all__ = ["part_of", "restore"]

_NAMED = 5  # tensors that a message names at most


def restore(class_name: str, folder: Path, device: str) -> Any:
    """Restores a model and sets it to evaluation.

    Weights are unpickled with torch's `weights_only`, whatever the environment says.

    Raises:
        BrokenCheckpoint: A weight is not a number or infinite.
    """
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    connector = SaveRestoreConnector()
    connector.model_extracted_dir = str(folder)
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
