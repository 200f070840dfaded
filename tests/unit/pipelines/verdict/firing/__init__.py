"""A checkpoint that breaks each rule: the family `x` of pipelines/verdict/rules/ has its fixtures in `x.py` here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Firing"]


@dataclass(frozen=True, kw_only=True)
class Firing:
    """How a rule is made to fire.

    Attributes:
        make: Writes a checkpoint that breaks the rule into an empty folder and returns its path.
        options: How it is judged: keyword arguments of `judge`.
    """

    make: Callable[[Path], Path]
    options: Mapping[str, Any] = field(default_factory=dict)
