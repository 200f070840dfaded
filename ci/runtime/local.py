"""Runs the tools on this machine, each in the environment it needs, and leaves no process behind.

A tool gets a process group of its own and writes straight to its log, which is read from there: no pipe that a
grandchild could keep open, and nothing lost when the reader is interrupted. It dies with this process.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ci import environments
from ci.runtime import Command
from pipelines.tied_process import tied_to_this_process

__all__ = ["environment_of", "prepare", "start"]

# NeMo needs numpy 2 and Triton's wheel numpy 1, so they never share an environment.
_ENVIRONMENTS = {"nemo2riva": "export"}

POLL_SECONDS = 0.05
STOP_SECONDS = 45.0  # start-riva lets running streams finish for up to 30 s
KILL_SECONDS = 5.0


def environment_of(tool: str) -> str:
    """The name of the environment that a tool runs in."""
    return _ENVIRONMENTS.get(tool, "runtime")


def prepare(command: Command) -> None:
    """Sets up the environment of a tool unless it is there.

    Raises:
        EnvironmentFailed: It cannot be set up.
    """
    environments.ready(environment_of(command.tool))


@contextmanager
def start(command: Command) -> Iterator["LocalProcess"]:
    """Starts a tool; leaving the block, in whatever way, ends it with everything it started.

    Raises:
        EnvironmentFailed: The tool's environment is not there and cannot be set up.
    """
    folder = environments.ready(environment_of(command.tool))
    variables = {
        **environments.clean_variables(),
        "PATH": environments.search_path(folder),
        "PYTHONUNBUFFERED": "1",
    }
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("wb") as log:
        process = subprocess.Popen(
            tied_to_this_process([folder / "bin" / command.tool, *map(_spell, command.arguments)]),
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
        started = time.monotonic()
        with self._log.open(encoding="utf-8", errors="replace") as log:
            part = ""
            while True:
                ended = self._process.poll() is not None  # asked before reading, so that the last words are read
                while text := log.readline():
                    part += text
                    if part.endswith("\n"):
                        yield part.rstrip("\n")
                        part = ""
                if ended:
                    break
                if limit is not None and time.monotonic() - started > limit:
                    raise TimeoutError
                time.sleep(POLL_SECONDS)
            if part:
                yield part

    def wait(self) -> int:
        """Waits for its end; returns its exit code, negative for a signal as in `subprocess`."""
        return self._process.wait()

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


def _spell(argument: str | Path | tuple[str, Path]) -> str:
    return f"{argument[0]}{argument[1]}" if isinstance(argument, tuple) else str(argument)
