"""Where a stage runs. A stage is a command line (design 1); a runtime knows how to run one.

`local` runs it on this machine, in the environment that the tool needs; `container` in an image, through a Docker
engine. Paths and addresses stay what they are until a runtime spells them, so that it can mount and publish them.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["Address", "Argument", "Command", "Running", "Runtime"]


@dataclass(frozen=True)
class Address:
    """Where a server shall be reached on this machine; port 0 is any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Reads `HOST:PORT`.

        Raises:
            ValueError: It is something else.
        """
        host, colon, port = text.rpartition(":")
        if not (host and colon and port.isdecimal()):
            raise ValueError(f"expected HOST:PORT, got {text!r}")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Argument = str | Path | tuple[str, Path | Address]
"""A flag as text; a file or folder; or either, or an address, after its flag: `("--out=", path)`."""


@dataclass(frozen=True)
class Command:
    """A command line of the Riva tools.

    Attributes:
        tool: The tool's name, such as `riva-build`.
        arguments: What every Riva's tool of that name understands.
        log: Where everything it prints goes.
        own: What only the tools of this repository understand, after the others; NVIDIA's go without.
        folder: The only folder that it writes to; a container has it as /servicemaker-dev and as /data.
    """

    tool: str
    arguments: tuple[Argument, ...]
    log: Path
    own: tuple[Argument, ...] = ()
    folder: Path | None = None


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

    def reached_at(self, listening: str) -> str:
        """Where this machine reaches a server that says it listens on an address."""


class Runtime(Protocol):
    """What the pipeline asks of a runtime; the module `local` has this shape, and so has `container.Containers`."""

    def identity(self, tool: str) -> str:
        """What a tool is made of: it decides about outputs, and is remembered with them."""

    def prepare(self, command: Command) -> None:
        """Gets what a command needs before it can start, such as its environment or its image."""

    def start(self, command: Command) -> AbstractContextManager[Running]:
        """Starts a command; leaving the block stops it and everything it started."""
