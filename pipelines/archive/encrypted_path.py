"""`FILE[:KEY]`, the way the Riva tools name an archive and its key; the key may be a literal or a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.archive.encryption import Key
from pipelines.errors import MissingInput, UsageError

__all__ = ["EncryptedPath", "read_key"]

KEY_FILE_VARIABLE = "RIVA_KEY_FILE"


@dataclass(frozen=True)
class EncryptedPath:
    """A file and the key that opens it, if it has one."""

    path: Path
    key: Key | None = None

    @classmethod
    def parse(cls, text: str) -> "EncryptedPath":
        """Reads `FILE` or `FILE:KEY`.

        An existing file whose name holds a colon is taken as it is. Without a key, the one of the file that
        RIVA_KEY_FILE names is used: a key on a command line shows in process lists.
        """
        if Path(text).exists() or ":" not in text:
            path, secret = text, None
        else:
            path, secret = text.rsplit(":", 1)
        if not path:
            raise UsageError(f"{text!r} names no file", fix="write FILE or FILE:KEY")
        return cls(Path(path), read_key(secret) if secret else _key_of_environment())


def read_key(text: str) -> Key:
    """Takes the content of the file `text` as the key, without its line end; else `text` itself."""
    path = Path(text)
    try:
        is_file = path.is_file()
    except OSError:  # a literal key can be longer than a file name may be
        is_file = False
    secret = path.read_bytes().rstrip(b"\r\n") if is_file else os.fsencode(text)
    if not secret:
        raise UsageError("the key is empty", fix="give a key of at least one character")
    return Key(secret)


def _key_of_environment() -> Key | None:
    named = os.environ.get(KEY_FILE_VARIABLE)
    if not named:
        return None
    if not Path(named).is_file():
        raise MissingInput(
            f"{KEY_FILE_VARIABLE} names {named}, which is not a file", fix="correct or unset the variable"
        )
    return read_key(named)
