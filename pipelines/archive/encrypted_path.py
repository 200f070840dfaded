"""`FILE[:KEY]`, the way the Riva tools name an archive and its key; the key may be a literal or a file."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.archive.encryption import Key
from pipelines.errors import MissingInput, UsageError

__all__ = ["EncryptedPath", "key_of_environment", "key_warnings", "read_key", "without_key"]

KEY_FILE_VARIABLE = "RIVA_KEY_FILE"
_ARCHIVE_AND_KEY = re.compile(r"(.*?\.(?:riva|rmir)):(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class EncryptedPath:
    """A file and the key that opens it, if it has one."""

    path: Path
    key: Key | None = None

    @classmethod
    def parse(cls, text: str) -> "EncryptedPath":
        """Reads `FILE` or `FILE:KEY`.

        The key begins after the first `.riva:` or `.rmir:`, or else after the last colon; an existing file whose name
        holds a colon is taken as it is. Without a key, the one of the file that RIVA_KEY_FILE names is used: a key on
        a command line shows in process lists.
        """
        path, secret = _split(text)
        if not path:
            raise UsageError("no file is named, only a key", fix="write FILE or FILE:KEY")
        return cls(Path(path), read_key(secret) if secret else key_of_environment())


def without_key(text: str) -> str:
    """A word of a command line as a message may show it."""
    path, secret = _split(text)
    return f"{path}:(key)" if secret else path


def _split(text: str) -> tuple[str, str]:
    if ":" not in text or _is_there(text):
        return text, ""
    if found := _ARCHIVE_AND_KEY.fullmatch(text):
        return found[1], found[2]
    path, _, secret = text.rpartition(":")
    return path, secret


def _is_there(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # a literal key can be longer than a file name may be
        return False


def read_key(text: str) -> Key:
    """Takes the content of the file `text` as the key, without its line end; else `text` itself."""
    path = Path(text)
    is_file = _is_there(text) and not path.is_dir()  # a pipe will do: FILE:<(pass show riva)
    secret = path.read_bytes().rstrip(b"\r\n") if is_file else os.fsencode(text)
    if not secret:
        raise UsageError("the key is empty", fix="give a key of at least one character")
    return Key(secret, typed=not is_file)


def key_of_environment() -> Key | None:
    """The key in the file that RIVA_KEY_FILE names, or None.

    Raises:
        MissingInput: There is no such file. What the variable holds is not shown: it may be the key itself.
    """
    named = os.environ.get(KEY_FILE_VARIABLE)
    if not named:
        return None
    key = read_key(named)
    if key.typed:
        fix = "set it to the path of a file that holds the key, or unset it"
        raise MissingInput(f"{KEY_FILE_VARIABLE} does not name a file", "it may hold the key itself", fix)
    return key


def key_warnings(*keys: Key | None) -> Iterator[str]:
    """What to tell once about the keys of a command line; they themselves are never shown."""
    if any(key is not None and key.public for key in keys):
        yield "tlt_encode is NVIDIA's public key: everybody has it, so it protects nothing"
    if any(key is not None and key.typed and not key.public for key in keys):
        yield (
            "a key on the command line is taken as it stands (it names no file) and shows in process lists: write it "
            f"into a file and name that file in its place, or in the variable {KEY_FILE_VARIABLE}"
        )
