"""Whether an environment still holds what its locks say. Standard library only, as `ci.environments`.

Locks are installed with hashes, so a new environment is right. Somebody may upgrade a package in it later, which is how
exports come to fail with errors about something else (an ONNX graph too new for the server, a NumPy ABI that changed).
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["differences"]

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<marker>\s*;)?", re.MULTILINE)
_DISTRIBUTION = re.compile(r"^(?P<name>.+?)-(?P<version>[^-]+)\.dist-info$")


def differences(folder: Path, locks: Sequence[Path]) -> list[str]:
    """Says which packages of an environment are not those of its locks; what is there besides is not looked at.

    Args:
        folder: The environment; its packages are in `lib/python*/site-packages`.
        locks: The lock files that it was installed from.
    """
    installed = dict(_installed(folder))
    found = []
    for name, version, optional in (pin for lock in locks for pin in _pins(lock)):
        here = installed.get(name)
        if here is None and not optional:
            found.append(f"{name} is missing, the lock says {version}")
        elif here is not None and here != version:
            found.append(f"{name} is {here}, the lock says {version}")
    return found


def _installed(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.glob("lib/python*/site-packages/*.dist-info"):
        if match := _DISTRIBUTION.match(path.name):
            yield _normal(match["name"]), match["version"]


def _pins(lock: Path) -> Iterator[tuple[str, str, bool]]:
    for match in _PIN.finditer(lock.read_text(encoding="utf-8")):
        yield _normal(match["name"]), match["version"], bool(match["marker"])


def _normal(name: str) -> str:
    """A package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
