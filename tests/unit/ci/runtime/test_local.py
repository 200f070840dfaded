"""Tools run in a group of their own, write to their log, and leave nobody behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ci import environments
from ci.runtime import Command, local


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tool of the runtime environment; tests write a shell script into it."""
    path = tmp_path / "bin" / "tool"
    path.parent.mkdir()
    path.touch(mode=0o755)
    monkeypatch.setattr(environments, "ready", lambda name: tmp_path)
    monkeypatch.setattr(local, "STOP_SECONDS", 0.5)
    return path


def write(tool: Path, script: str) -> Command:
    tool.write_text(f"#!/bin/sh\n{script}\n")
    return Command("tool", ("--flag", ("--path=", tool)), tool.parent / "tool.log")


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_lines_come_while_it_runs_and_stay_in_the_log(tool: Path) -> None:
    """What a tool prints is seen at once, and its last words without a newline are not lost."""
    command = write(tool, 'echo "$@"; echo two >&2; printf three')

    with local.start(command) as running:
        lines = list(running.lines())
        code = running.wait()

    assert lines == [f"--flag --path={tool}", "two", "three"]
    assert command.log.read_text().endswith("three")
    assert code == 0


def test_leaving_the_block_ends_the_whole_group(tool: Path) -> None:
    """An interrupted run takes the children of its tool along, even those that ignore SIGTERM."""
    command = write(tool, "trap '' TERM; sleep 60 & echo $!; wait; sleep 60")

    with local.start(command) as running:
        child = int(next(running.lines()))
    assert gone(child)


def test_stop_returns_how_it_ended(tool: Path) -> None:
    """A server that ends tidily on SIGTERM says so with its exit code."""
    command = write(tool, "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")

    with local.start(command) as running:
        next(running.lines())
        assert running.stop() == 7


def test_limit_ends_the_wait_for_a_line(tool: Path) -> None:
    """Waiting for a server that never speaks has an end."""
    command = write(tool, "sleep 60")

    with local.start(command) as running, pytest.raises(TimeoutError):
        list(running.lines(limit=0.1))


def test_tool_dies_with_the_run_that_started_it(tool: Path) -> None:
    """A run that is killed outright leaves no server on the machine."""
    command = write(tool, "echo $$; exec sleep 60")
    program = (
        "import pathlib, time; from ci import environments; from ci.runtime import Command, local\n"
        f"environments.ready = lambda name: pathlib.Path({str(tool.parent.parent)!r})\n"
        f"with local.start(Command('tool', (), pathlib.Path({str(command.log)!r}))) as running:\n"
        "    print(next(running.lines()), flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)

    assert gone(child)


def test_foreign_python_variables_do_not_reach_tools(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PYTHONPATH of the caller's shell does not mix packages into an environment."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")

    with local.start(write(tool, 'echo "[$PYTHONPATH]"')) as running:
        assert list(running.lines()) == ["[]"]
