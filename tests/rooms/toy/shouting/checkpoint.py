"""Which NeMo class it accepts."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.contract import Lack, Unsupported

__all__ = ["SUPPORTED_CLASSES", "config_for_nemo", "lacks", "patch_config", "why_unsupported"]

SUPPORTED_CLASSES = {"nemo.collections.nlp.models.ShoutingModel": "shouting.yaml"}


def why_unsupported(obj_cls: str) -> Unsupported | None:
    """Says why whispering is refused."""
    if "Whispering" not in obj_cls:
        return None
    return Unsupported("nobody would hear it", "train a ShoutingModel")


def lacks(checkpoint: NemoCheckpoint) -> Iterator[Lack]:
    """Nothing can be missing."""
    yield from ()


def patch_config(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Nothing is patched."""
    return None


def config_for_nemo(config: Mapping[str, Any]) -> dict[str, Any]:
    """As it is."""
    return dict(config)
