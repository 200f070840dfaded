"""What a hostile fixture is: a checkpoint that attacks whoever loads it, harmlessly.

The payload of every attack is the same: it creates a file, the mark. A fixture that is loaded carelessly leaves its
mark; one that is only read does not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Vector"]


@dataclass(frozen=True, kw_only=True)
class Vector:
    """A way to attack through a checkpoint.

    Args:
        name: Names the fixture.
        rule: The rule that must refuse it.
        said: A part of what the finding says: the payload's name, so that a reader knows what was tried.
        make: Writes the checkpoint into a folder; the second argument is the mark.
        trigger: Loads the checkpoint as a careless program does, so that the mark appears; None where that takes a
            program that is not at hand (torch, NeMo, a network).
    """

    name: str
    rule: str
    said: str
    make: Callable[[Path, Path], Path]
    trigger: Callable[[Path], None] | None = None
