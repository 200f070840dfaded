"""Starting the processes of an export in their sandbox, waiting for them, and saying why one failed.

What they leave is as hostile as the checkpoint they loaded: results are regular files, and errors are of our own kinds.
"""

import errno
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from pipelines import errors
from pipelines.errors import ExportFailed, ExportLimited, RivaError
from pipelines.export.job import read_json
from pipelines.export.sandbox import Isolation, Sandbox
from pipelines.export.sandbox.environment import environment_of
from pipelines.export.work_folder import work_folder_full

__all__ = ["Child", "check_regular", "child", "read_result", "wait", "write_error"]

Record = TypeVar("Record")

_ERROR = "error"  # suffix of the file that holds an error instead of a result
_LOG_LINES = 8
_ERROR_LIMIT = 1 << 20  # characters
_REPORT = 1 << 16  # bytes; more than any isolation needs


@dataclass(frozen=True)
class Child:
    """A process in its sandbox."""

    process: "subprocess.Popen[bytes]"
    isolation: Isolation

    def send(self, message: object) -> None:
        """Gives it its one line of input, as JSON."""
        stdin = self.process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):  # if it is dead already, `wait` says why
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.close()


@contextmanager
def child(module: str, *arguments: str, sandbox: Sandbox, log: IO[Any] | None) -> Iterator[Child]:
    """Runs `python -m module arguments` in a sandbox while the block lasts; kills it and its children at the end.

    Args:
        module: The module to run.
        arguments: Its arguments.
        sandbox: What it is given.
        log: Where its output goes; None shows it on stderr.

    Raises:
        ExportFailed: It ended before it was in the sandbox.
    """
    report, answer = os.pipe()
    with os.fdopen(report, "rb", buffering=0) as reports, socket.create_server(("127.0.0.1", 0)) as unreachable:
        try:
            command = [sys.executable, "-P", "-m", "pipelines.export.sandbox", sandbox.to_json()]
            process = subprocess.Popen(
                [*command, str(unreachable.getsockname()[1]), str(answer), module, *arguments],
                stdin=subprocess.PIPE,
                stdout=log or sys.stderr.fileno(),
                stderr=log or sys.stderr.fileno(),
                env=environment_of(sandbox.work),
                cwd=sandbox.work,
                start_new_session=True,
                pass_fds=(answer,),
            )
        finally:
            os.close(answer)
        try:
            said = reports.read(_REPORT)
            if not said:
                what = f"the sandbox ended with exit code {process.wait()} before {module} was in it"
                raise ExportFailed(what, fix="run again with --verbose for its log, and report it")
            yield Child(process, Isolation.from_json(said.decode()))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def wait(child: Child, what: str, *, results: Sequence[Path], limit_s: float, log: Path | None = None) -> None:
    """Waits until a process ends well.

    Args:
        child: The process.
        what: What it is, for messages.
        results: The files that it writes.
        limit_s: Seconds after which it is given up.
        log: The file that its output goes to.

    Raises:
        RivaError: What it left with `write_error` instead of a result.
        ExportLimited: It took longer than `limit_s`.
        ExportFailed: It was killed or failed.
    """
    try:
        code = child.process.wait(limit_s)
    except subprocess.TimeoutExpired as error:
        why = "the machine is slow for a model of this size, or a part of the checkpoint keeps it busy"
        raise ExportLimited(
            f"{what} did not end within {limit_s:g} s", why, "give it more with --time-limit"
        ) from error
    for result in results:
        _raise_error(result)
    if code == 0:
        return
    number = -code if code < 0 else code - 128
    tail = _tail(log)
    if number in signal.valid_signals():
        why, fix = _REASONS.get(number, _CRASHED)
        raise ExportFailed(f"{what} was killed by {signal.Signals(number).name}{tail}", why, fix)
    raise ExportFailed(f"{what} failed with exit code {code}{tail}", fix="run again with --verbose for its log")


_CRASHED = ("native code crashed, often a fault of the exporter", "try another --onnx-opset")
_REASONS: Mapping[int, tuple[str, str]] = {
    signal.SIGKILL: ("the machine ran out of memory", "close other programs or use a machine with more memory"),
    signal.SIGABRT: ("native code gave up, often because it was refused memory", "give it more with --memory-limit"),
    signal.SIGSYS: ("it made a system call that no export makes", "do not use this checkpoint; report it"),
}


def read_result(path: Path, kind: type[Record]) -> Record:
    """Reads a result that a process left with `job.write_json`.

    Raises:
        ExportFailed: It is not one.
    """
    check_regular(path)
    try:
        return read_json(path, kind)
    except (ValueError, TypeError) as error:
        raise ExportFailed(f"the export left a result that cannot be read: {path.name}: {error}") from error


def check_regular(path: Path) -> None:
    """Refuses what a process left if it is not a plain file: a link would make us read what the process could not.

    Raises:
        ExportFailed: It is missing, a link, a folder, a pipe or a device.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISREG(path.lstat().st_mode):
            return
    raise ExportFailed(
        f"the export did not leave a plain file {path.name}",
        "it ended early, or the checkpoint made it do something else",
        "run again with --verbose for its log; do not use the checkpoint if its origin is not known",
    )


def write_error(path: Path, error: RivaError) -> None:
    """Leaves an error beside the result that could not be written."""
    record = {"kind": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
    path.with_suffix(f".{_ERROR}").write_text(json.dumps(record), encoding="utf-8")


def _raise_error(path: Path) -> None:
    found = path.with_suffix(f".{_ERROR}")
    if not os.path.lexists(found):
        return
    check_regular(found)
    with found.open(encoding="utf-8", errors="replace") as stream:
        text = stream.read(_ERROR_LIMIT)
    if not text.endswith("}"):  # there was no room even for the error
        raise work_folder_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    record = json.loads(text)
    kind = getattr(errors, record["kind"], None)
    if not (isinstance(kind, type) and issubclass(kind, RivaError)):
        raise ExportFailed(f"the export left an error of an unknown kind: {record['kind']!r}")
    raise kind(record["what"], record["why"], record["fix"])


def _tail(log: Path | None) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log and log.exists() else []
    return "\n    ".join(["; its last words:", *lines[-_LOG_LINES:]]) if lines else ""
