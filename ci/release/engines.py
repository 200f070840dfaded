"""Engines are never released: they run on one GPU architecture, driver and TensorRT, so each machine builds its own.

The rule looks at content; a name proves nothing.
"""

from pathlib import Path

from ci.errors import EngineFound
from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath, key_of_environment
from pipelines.errors import ForeignArchive

__all__ = ["check_no_engine"]

_MAGICS = (b"ftrt", b"ptrt")
"""First bytes of TensorRT's plan files, newer and older; the first is what pytorch/TensorRT tells an engine by."""

_LONGEST = max(map(len, _MAGICS))

_REPOSITORY = "config.pbtxt"
"""The file by which Triton knows a model."""


def check_no_engine(path: Path) -> None:
    """Looks into an RMIR; encrypted ones need the key that RIVA_KEY_FILE names.

    What NVIDIA's riva-build wrote cannot be looked into; it puts no engine there.

    Raises:
        EngineFound: The file is an engine, or a member is one, or belongs to a deployed Triton repository.
        InputError: The file is no RMIR, is damaged, or encrypted and the key is missing.
    """
    with path.open("rb") as file:
        _check(path.name, start=file.read(_LONGEST), where=path)
    try:
        with Archive.open(EncryptedPath(path, key_of_environment())) as archive:
            for name in archive.names():
                with archive.open_member(name) as stream:
                    _check(f"{path.name}: {name}", start=stream.read(_LONGEST), where=Path(name))
    except ForeignArchive:
        return


def _check(what: str, *, start: bytes, where: Path) -> None:
    if start.startswith(_MAGICS):
        kind = "a TensorRT engine"
    elif where.name == _REPOSITORY:
        kind = "a part of a deployed Triton repository"
    else:
        return
    raise EngineFound(
        f"{what} is {kind}",
        why="an engine runs on the kind of machine that it was built on, and nowhere else",
        fix="release what riva-build wrote; riva-deploy makes the engine where it is served",
    )
