"""Opening a file that somebody names: only a regular one, without waiting for whoever writes into a FIFO."""

import os
import stat
from pathlib import Path
from typing import IO

from pipelines.errors import MissingInput, NotAnArchive

__all__ = ["open_regular"]

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path) -> IO[bytes]:
    """Opens a regular file for reading.

    Raises:
        MissingInput: There is no such file, or it may not be read.
        NotAnArchive: It is something else than a file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise MissingInput(f"there is no file {path}", fix="check the path") from error
    except OSError as error:
        raise MissingInput(f"{path} cannot be opened: {error.strerror}", fix="check its permissions") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something else")
        raise NotAnArchive(f"{path} is {kind}, not a file", fix="name the .nemo file that NeMo's save_to() wrote")
    return os.fdopen(descriptor, "rb")
