"""Runs the tools on this machine, each in the environment it needs, and leaves no process behind.

A tool gets a process group of its own and writes straight to its log, which is read from there: no pipe that a
grandchild could keep open, and nothing lost when the reader is interrupted. It dies with this process.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ci import environments
from ci.runtime import Argument, Command
from ci.runtime.log import follow
from pipelines.tied_process import tied_to_this_process

__all__ = ["identity", "prepare", "start"]

# NeMo needs numpy 2 and Triton's wheel numpy 1, so they never share an environment.
_ENVIRONMENTS = {"nemo2riva": "export"}

STOP_SECONDS = 45.0  # start-riva lets running streams finish for up to 30 s
KILL_SECONDS = 5.0


def identity(tool: str) -> str:
    """The environment that a tool runs in, with the digest of what is installed there."""
    name = _environment_of(tool)
    return f"{name}@{environments.identity(name)}"


def prepare(command: Command) -> None:
    """Sets up the environment of a tool unless it is there.

    Raises:
        EnvironmentFailed: It cannot be set up.
    """
    environments.ready(_environment_of(command.tool))


@contextmanager
def start(command: Command) -> Iterator["LocalProcess"]:
    """Starts a tool; leaving the block, in whatever way, ends it with everything it started.

    Raises:
        EnvironmentFailed: The tool's environment is not there and cannot be set up.
    """
    folder = environments.ready(_environment_of(command.tool))
    variables = {
        **environments.clean_variables(),
        "PATH": environments.search_path(folder),
        "PYTHONUNBUFFERED": "1",
    }
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("wb") as log:
        process = subprocess.Popen(
            tied_to_this_process([folder / "bin" / command.tool, *map(_spell, (*command.arguments, *command.own))]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
    running = LocalProcess(process, command.log)
    try:
        yield running
    finally:
        running.stop()


class LocalProcess:
    """A tool that was started: `ci.runtime.Running`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    def lines(self, *, limit: float | None = None) -> Iterator[str]:
        """What it prints, line by line as it comes; ends when it ends.

        Raises:
            TimeoutError: It still runs after `limit` seconds.
        """
        return follow(self._log, ended=lambda: self._process.poll() is not None, limit=limit)

    def wait(self) -> int:
        """Waits for its end; returns its exit code, negative for a signal as in `subprocess`."""
        return self._process.wait()

    def reached_at(self, listening: str) -> str:
        """The address itself."""
        return listening

    def stop(self) -> int:
        """Asks it to end, kills the whole group after `STOP_SECONDS`; returns its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):  # the group is killed below
                self._process.wait(STOP_SECONDS)
        self._kill_group()
        return self._process.wait(KILL_SECONDS)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError):  # nobody of the group is left, which is how it should be
            os.killpg(self._process.pid, signal.SIGKILL)


def _environment_of(tool: str) -> str:
    return _ENVIRONMENTS.get(tool, "runtime")


def _spell(argument: Argument) -> str:
    return f"{argument[0]}{argument[1]}" if isinstance(argument, tuple) else str(argument)
