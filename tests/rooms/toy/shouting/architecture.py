"""What a shouting model is."""

from collections.abc import Mapping
from typing import Any

from pipelines.verdict.facts import Architecture

__all__ = ["describe"]


def describe(obj_cls: str, config: Mapping[str, Any]) -> Architecture | None:
    """Nothing is known of it."""
    return None
