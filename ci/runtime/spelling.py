"""A command as a container sees it: which folders of this machine are where, and its words with those places in them.

The places are the guide's: the folder of artifacts is /servicemaker-dev, and as /data it holds the model repository,
/data/models, whose place NVIDIA's riva-deploy writes into the configurations. What else a command names is an input: it
is mounted read-only, by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ci.runtime import Address, Command

if TYPE_CHECKING:
    from docker.types import Mount

__all__ = ["PORT", "Spelled", "spell"]

PORT = 50051
_ARTIFACTS, _DATA, _INPUTS = "/servicemaker-dev", "/data", "/inputs"
_REPOSITORY = "models"


@dataclass(frozen=True)
class Spelled:
    """What `docker run` would be told.

    Attributes:
        words: The tool and its arguments.
        mounts: Folder or file of this machine, by its place in the container; all but the first two are read-only.
        address: Where the server in the container shall be reached on this machine; None if it is no server.
    """

    words: Sequence[str]
    mounts: "dict[str, Path]"
    address: Address | None

    def binds(self) -> "list[Mount]":
        """The mounts as the engine takes them."""
        from docker.types import Mount

        return [
            Mount(place, str(path.resolve()), type="bind", read_only=place.startswith(_INPUTS))
            for place, path in self.mounts.items()
        ]


def spell(command: Command, *, own: bool) -> Spelled:
    """Spells a command for a container.

    Args:
        command: The command.
        own: Whether the image's tools are those of this repository.
    """
    mounts = {} if command.folder is None else {_ARTIFACTS: command.folder, _DATA: command.folder}
    address = None
    words = [command.tool]
    for argument in (*command.arguments, *(command.own if own else ())):
        flag, value = argument if isinstance(argument, tuple) else ("", argument)
        if isinstance(value, Address):
            address, word = value, f"0.0.0.0:{PORT}"
        elif isinstance(value, Path):
            word = _place(value, command.folder, mounts)
        else:
            word = value
        words.append(flag + word)
    return Spelled(words, mounts, address)


def _place(path: Path, folder: Path | None, mounts: dict[str, Path]) -> str:
    if folder is not None and path.is_relative_to(folder / _REPOSITORY):
        return f"{_DATA}/{path.relative_to(folder)}"
    if folder is not None and path.is_relative_to(folder):
        return f"{_ARTIFACTS}/{path.relative_to(folder)}"
    place = f"{_INPUTS}/{len(mounts)}/{path.name}"
    mounts[place] = path
    return place
