"""Where a stage runs. A stage is a command line (design 1); a runtime knows how to run one.

`local` runs it on this machine, in the environment that the tool needs. A container runtime is a sibling of the same
shape: paths stay `Path` until a runtime spells them, so that it can mount and translate them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Command", "Running", "Runtime"]


@dataclass(frozen=True)
class Command:
    """A command line of the Riva tools.

    Attributes:
        tool: The tool's name, such as `riva-build`.
        arguments: Flags as text; files and folders as `Path`, or as `(prefix, Path)` for `--flag=PATH`.
        log: Where everything it prints goes.
    """

    tool: str
    arguments: tuple[str | Path | tuple[str, Path], ...]
    log: Path


class Running(Protocol):
    """A command that was started."""

    def lines(self, *, limit: float | None = None) -> Iterator[str]:
        """What it prints, line by line as it comes; ends when it ends.

        Raises:
            TimeoutError: It still runs after `limit` seconds.
        """

    def wait(self) -> int:
        """Waits for its end; returns its exit code."""

    def stop(self) -> int:
        """Asks it to end, with a limit after which it is killed; returns its exit code."""


class Runtime(Protocol):
    """What the pipeline asks of a runtime; the modules of this package have this shape."""

    def prepare(self, command: Command) -> None:
        """Gets what a command needs before it can start, such as its environment or its image."""

    def start(self, command: Command) -> AbstractContextManager[Running]:
        """Starts a command; leaving the block stops it and everything it started."""
