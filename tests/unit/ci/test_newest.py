"""The newest versions are locked for one day, and what is newer is said."""

import sys
from pathlib import Path

import pytest

from ci import lock, newest
from ci.lock import Lock

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_what_is_newer_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The night's log says which versions it tried that the committed lock does not have."""
    for module in (lock, newest):
        monkeypatch.setattr(module, "LOCKS", tmp_path)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    (tmp_path / f"export-{PYTHON}.txt").write_text("one==1 \\\nsame==3 \\\nold==1 \\\n")
    (tmp_path / f"export-source-{PYTHON}.txt").write_text("wget==3.2 \\\n")

    def resolve(name: str, each: Lock, python: str, platform: str, *, upgrade: bool) -> str:
        assert (each.newest, each.torch, upgrade) == (True, True, True)
        return "fresh==1 \\\none==2 \\\nsame==3 \\\nwget==3.2 \\\n"

    monkeypatch.setattr(newest, "compile_lock", resolve)
    assert newest.main(["export"]) == 0

    assert (tmp_path / "newest" / f"export-{PYTHON}.txt").read_text() == "fresh==1 \\\none==2 \\\nsame==3 \\\n"
    assert (tmp_path / "newest" / f"export-source-{PYTHON}.txt").read_text() == "wget==3.2 \\\n"
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "fresh: not needed -> 1",
        "old: 1 -> not needed",
        "one: 1 -> 2",
    ]
