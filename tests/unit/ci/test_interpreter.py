"""Environments are made from a suitable Python, whoever runs nox."""

import sys
from pathlib import Path

import pytest

from ci import interpreter
from ci.errors import EnvironmentFailed
from ci.interpreter import Interpreter


def test_environments_never_nest() -> None:
    """From within an environment, the Python below it is used."""
    current = Interpreter.current()

    assert current is not None
    assert current.path == Path(sys._base_executable).resolve()
    assert current.minor == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_search_path_is_asked_where_nox_runs_on_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim without its Python is passed over; the executable behind a working one is what counts."""
    for name, script in (("python3.12", "exit 1"), ("python3.11", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    found = Interpreter.on_path()

    assert found.minor == "3.11"
    assert found.path == Path(sys._base_executable).resolve()


def test_no_suitable_python_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without Python 3.11 and 3.12 the error names the package to install."""
    monkeypatch.setattr(interpreter.shutil, "which", lambda _: None)

    with pytest.raises(EnvironmentFailed, match="apt-get install python3"):
        Interpreter.on_path()
