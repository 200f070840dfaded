"""What this repository pins: packages of Python and npm, and actions; as OSV's ecosystems name them.

https://ossf.github.io/osv-schema/#defined-ecosystems
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci.lock import pins

__all__ = ["Pin", "find_pins"]

Ecosystem = Literal["PyPI", "npm", "GitHub Actions", "NGC"]

_USES = re.compile(r"uses:\s*(?P<name>[\w.-]+/[\w./-]+)@[0-9a-f]{40}\s*#\s*v(?P<version>\d[\w.]*)")


@dataclass(frozen=True, order=True)
class Pin:
    """A version of a package, and the files that pin it.

    Attributes:
        ecosystem: Where it is published.
        name: Its name there.
        version: Its version.
        places: Names of the files, such as `runtime-3.11.txt`.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({', '.join(self.places)})"


def find_pins(root: Path) -> list[Pin]:
    """Every version pinned below a repository's root, once for all files that pin it."""
    places: dict[tuple[Ecosystem, str, str], set[str]] = {}
    for ecosystem, name, version, path in (*_python(root), *_npm(root), *_actions(root)):
        places.setdefault((ecosystem, name, version), set()).add(path.name)
    return sorted(Pin(*key, tuple(sorted(found))) for key, found in places.items())


def _python(root: Path) -> Iterator[tuple[Ecosystem, str, str, Path]]:
    for path in (root / "ci" / "locks").glob("*.txt"):
        for pin in pins(path.read_text(encoding="utf-8")):
            name, version = pin.split("==")
            yield "PyPI", name, version.partition("+")[0], path  # +cpu is a build of the version that is published


def _npm(root: Path) -> Iterator[tuple[Ecosystem, str, str, Path]]:
    path = root / "ci" / "node" / "package-lock.json"
    for place, package in json.loads(path.read_text(encoding="utf-8"))["packages"].items():
        if place:  # the first is ours
            yield "npm", place.rpartition("node_modules/")[2], package["version"], path


def _actions(root: Path) -> Iterator[tuple[Ecosystem, str, str, Path]]:
    for path in (root / ".github").rglob("*.yml"):
        for match in _USES.finditer(path.read_text(encoding="utf-8")):
            repository = "/".join(match["name"].split("/")[:2])
            yield "GitHub Actions", repository, match["version"], path
