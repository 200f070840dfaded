"""A base is made with debootstrap; a script stands in for it here, and the engine only takes what it is given."""

import os
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ci.containers.base import debootstrap
from ci.errors import ImageFailed

STAND_IN = """#!/bin/sh
echo "I: Retrieving $*"
[ -z "$FAIL" ] || { echo "E: No such mirror"; exit 1; }
mkdir -p "$4/etc" "$4/usr/share/doc/bash" "$4/var/log"
echo secret >"$4/etc/hostname"
touch "$4/etc/passwd" "$4/var/log/bootstrap.log"
"""


class Engine:
    """Keeps the names in the archive that it is to import."""

    def __init__(self) -> None:
        self.members: list[tarfile.TarInfo] = []
        self.asked: dict[str, Any] = {}
        self.api = SimpleNamespace(import_image=self._import)

    def _import(self, *, src: str, **asked: Any) -> None:
        with tarfile.open(src) as tar:
            self.members = tar.getmembers()
        self.asked = asked


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path with the stand-in, and the powers of root, which it needs none of."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "debootstrap").write_text(STAND_IN)
    (tmp_path / "debootstrap").chmod(0o755)
    return tmp_path


def test_a_base_is_small_and_knows_no_machine(path: Path) -> None:
    """No documentation, no logs, no name of the machine that made it, and no time later than the commit's."""
    engine = Engine()

    debootstrap(engine, "mine/base:bookworm", epoch=86400)  # type: ignore[arg-type]

    assert {member.name for member in engine.members if member.isfile()} == {"./etc/passwd"}
    assert "./usr/share/doc/bash" not in {member.name for member in engine.members}
    assert {member.mtime for member in engine.members} == {86400}
    assert (engine.asked["repository"], engine.asked["tag"]) == ("mine/base", "bookworm")


def test_what_debootstrap_said_is_shown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines, which say what was wrong."""
    monkeypatch.setenv("FAIL", "yes")

    with pytest.raises(ImageFailed, match="E: No such mirror"):
        debootstrap(Engine(), "mine/base:bookworm", epoch=0)  # type: ignore[arg-type]


def test_only_root_can_make_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to do instead."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(ImageFailed, match=r"(?s)debootstrap needs root.*--base"):
        debootstrap(Engine(), "mine/base:bookworm", epoch=0)  # type: ignore[arg-type]
