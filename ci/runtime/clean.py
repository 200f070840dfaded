"""What NVIDIA's nemo2riva is given to load: the clean copy of a checkpoint, never the checkpoint as it came.

This repository's nemo2riva makes the copy itself, inside of its sandbox.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.runtime import Argument, Command
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.clean import write_clean
from pipelines.verdict.verdict import judge

__all__ = ["with_clean_checkpoints"]


@contextmanager
def with_clean_checkpoints(command: Command) -> Iterator[Command]:
    """A command with the clean copy of each checkpoint in its place, for as long as the block lasts.

    Raises:
        RivaError: A checkpoint is refused by the verdict.
    """
    with TemporaryDirectory(prefix=".clean-", dir=command.folder) as temporary:
        cleaned = tuple(_clean(argument, Path(temporary)) for argument in command.arguments)
        yield replace(command, arguments=cleaned)


def _clean(argument: Argument, folder: Path) -> Argument:
    if not (isinstance(argument, Path) and argument.suffix == ".nemo"):
        return argument
    copy = folder / argument.name
    judge(argument).raise_findings()
    with NemoCheckpoint.open(argument) as checkpoint:
        write_clean(checkpoint, copy)
    judge(copy).raise_findings()  # what is loaded was judged, even if the source changed meanwhile
    return copy
