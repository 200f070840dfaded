"""What may come of restoring and exporting a network, as errors of ours."""

import importlib.metadata
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pickle import UnpicklingError

import torch

from pipelines.errors import BrokenCheckpoint, ExportFailed, RivaError

__all__ = ["restoring", "translating"]

_NO_MEMORY = "DefaultCPUAllocator: can't allocate memory: "  # how torch says it on a CPU, as a RuntimeError


@contextmanager
def restoring(maker: str, package: str) -> Iterator[None]:
    """Restores with torch's `weights_only`, whatever the environment says, and translates what goes wrong.

    Args:
        maker: Who restores, for the message.
        package: The package whose version is told.

    Raises:
        BrokenCheckpoint: The weights hold objects that are not loaded.
        ExportFailed: Anything else.
    """
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    why = "the checkpoint was made by another version, or its configuration does not fit its weights"
    with translating(maker, package, "restore", why, f"save the model again with this {maker} version"):
        yield


@contextmanager
def translating(maker: str, package: str, verb: str, why: str, fix: str) -> Iterator[None]:
    """Translates what a library raises, which may be anything, but not what the machine lacks (memory, disk).

    Raises:
        BrokenCheckpoint: The weights hold objects that are not loaded.
        ExportFailed: Anything else, with the library's message and the given reason and remedy.
    """
    try:
        yield
    except (RivaError, OSError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if _NO_MEMORY in str(error):
            raise MemoryError(str(error).partition(_NO_MEMORY)[2]) from error
        what = f"{maker} {importlib.metadata.version(package)} could not {verb} the checkpoint"
        if isinstance(error, UnpicklingError):
            why = "the weights are damaged, or hold objects besides tensors, which are never loaded"
            raise BrokenCheckpoint(what, why, "save the model again with NeMo's save_to()") from error
        text = next(iter(str(error).strip().splitlines()), "no message")
        fix = f"{fix}; --verbose shows the whole log"
        raise ExportFailed(f"{what}: {type(error).__name__}: {text}", why, fix) from error
