"""`scripts/nox` makes its environment once and hands its arguments over."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "nox"

# Stands for Python: makes an environment whose python is this script again, and notes what it was asked to do.
PYTHON = """\
#!/bin/sh
case "$*" in
*ensurepip*)
  [ ! -e @ROOT@/no-venv ] ;;
"-m venv "*)
  sleep 0.2; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo venv >>@ROOT@/ran ;;
"-m pip "*)
  echo pip >>@ROOT@/ran; [ ! -e @ROOT@/no-network ] || { echo no network; exit 1; } ;;
"-m nox "*)
  shift 4; echo "nox: $*" ;;
*)
  exec @PYTHON@ "$@" ;;
esac
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the script, its lock and a Python that makes environments quickly."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts" / "nox")
    (tmp_path / "ci" / "locks").mkdir(parents=True)
    (tmp_path / "ci" / "locks" / "nox.txt").write_text("nox==1\n")
    (tmp_path / "python").write_text(PYTHON.replace("@ROOT@", str(tmp_path)).replace("@PYTHON@", sys.executable))
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def start(repository: Path, *arguments: str, python: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [repository / "scripts" / "nox", *arguments],
        env={**os.environ, "RIVA_CI_PYTHON": python or str(repository / "python")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=30)
    return process.returncode, output, errors


def ran(repository: Path) -> list[str]:
    return (repository / "ran").read_text().split()


def test_first_call_sets_up_and_later_ones_do_not(repository: Path) -> None:
    """The environment is made once; arguments arrive as they were given."""
    code, output, errors = finish(start(repository, "-s", "tests", "--", "-k", "two words"))
    assert (code, output) == (0, "nox: -s tests -- -k two words\n")
    assert "Setting up nox (once)" in errors

    code, output, errors = finish(start(repository, "-l"))
    assert (code, output, errors) == (0, "nox: -l\n", "")
    assert ran(repository) == ["venv", "pip"]


def test_two_first_calls_at_once_set_up_once(repository: Path) -> None:
    """One of two calls makes the environment, the other waits for it; both go on."""
    calls = [start(repository, "-l"), start(repository, "-l")]

    assert [finish(call)[0] for call in calls] == [0, 0]
    assert ran(repository) == ["venv", "pip"]


def test_missing_venv_names_the_package(repository: Path) -> None:
    """Debian's python3 comes without venv; the message says what to install."""
    (repository / "no-venv").touch()
    code, _, errors = finish(start(repository, "-l"))

    assert code == 69
    assert f"apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in errors


def test_no_suitable_python_is_said_plainly(repository: Path) -> None:
    """Where no Python 3.11 or 3.12 is found, the message says how to name one."""
    code, _, errors = finish(start(repository, "-l", python="no-such-python"))

    assert code == 69
    assert "no Python 3.11 or 3.12 among: no-such-python" in errors
    assert "RIVA_CI_PYTHON" in errors


def test_failed_set_up_starts_afresh(repository: Path) -> None:
    """An installation that failed is never taken for a finished one, and its last words are shown."""
    (repository / "no-network").touch()
    code, _, errors = finish(start(repository, "-l"))
    assert code != 0
    assert "no network" in errors

    (repository / "no-network").unlink()
    assert finish(start(repository, "-l"))[0] == 0
    assert ran(repository) == ["venv", "pip", "venv", "pip"]
