"""What breaks each rule: the family `x` of pipelines/verdict/rules/ has its fixtures in `x.py` here.

Each module has `FIRING`, a mapping from the id of a rule to a function that breaks it: it takes an empty folder, makes
there what it needs, and returns what was found. Rules that look at a checkpoint use `judged`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.verdict.findings import Finding
from pipelines.verdict.verdict import judge

__all__ = ["Firing", "judged"]

Firing = Callable[[Path], Sequence[Finding]]


def judged(make: Callable[[Path], Path], **options: Any) -> Firing:
    """Judges the checkpoint that `make` writes into the folder; `options` are those of `judge`."""
    return lambda folder: judge(make(folder), **options).findings
