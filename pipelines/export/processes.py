"""Starting the processes of an export, waiting for them, and saying why one failed."""

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipelines import errors
from pipelines.errors import ExportFailed, RivaError
from pipelines.export.work_folder import work_folder_full

__all__ = ["child", "die_with_parent", "wait", "write_error"]

_PR_SET_PDEATHSIG = 1
_ERROR = "error"  # suffix of the file that holds an error instead of a result
_LOG_LINES = 8

# Nothing is fetched while a checkpoint is restored; threads that wait leave the processor to the process beside them.
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@contextmanager
def child(
    module: str, *arguments: str, log: IO[Any] | None, stdin: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `python -m module arguments` while the block lasts; kills it and its children if the block leaves early.

    Args:
        module: The module to run.
        arguments: Its arguments.
        log: Where its output goes; None shows it on stderr.
        stdin: As for `subprocess.Popen`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=log or sys.stderr.fileno(),
        stderr=log or sys.stderr.fileno(),
        env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": _python_path()},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait(
    process: subprocess.Popen[bytes], what: str, *, results: Sequence[Path], limit_s: float, log: Path | None = None
) -> None:
    """Waits until a process ends well.

    Args:
        process: The process.
        what: What it is, for messages.
        results: The files that it writes.
        limit_s: Seconds after which it is given up.
        log: The file that its output goes to.

    Raises:
        RivaError: What it left with `write_error` instead of a result.
        ExportFailed: It was killed, failed, or took longer than `limit_s`.
    """
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired as error:
        fix = "try a machine with more memory, or a smaller model"
        raise ExportFailed(f"{what} did not end within {limit_s:.0f} s", fix=fix) from error
    for result in results:
        _raise_error(result)
    if code == 0:
        return
    number = -code if code < 0 else code - 128
    tail = _tail(log)
    if number in signal.valid_signals():
        memory = number == signal.SIGKILL
        raise ExportFailed(
            f"{what} was killed by {signal.Signals(number).name}{tail}",
            "the machine ran out of memory" if memory else "native code crashed, often a fault of the exporter",
            "close other programs or use a machine with more memory" if memory else "try another --onnx-opset",
        )
    raise ExportFailed(f"{what} failed with exit code {code}{tail}", fix="run again with --verbose for its log")


def write_error(path: Path, error: RivaError) -> None:
    """Leaves an error beside the result that could not be written."""
    record = {"kind": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
    path.with_suffix(f".{_ERROR}").write_text(json.dumps(record), encoding="utf-8")


def _raise_error(path: Path) -> None:
    found = path.with_suffix(f".{_ERROR}")
    if found.exists():
        text = found.read_text(encoding="utf-8")
        if not text.endswith("}"):  # there was no room even for the error
            raise work_folder_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        record: Mapping[str, str] = json.loads(text)
        raise getattr(errors, record["kind"])(record["what"], record["why"], record["fix"])


def die_with_parent() -> None:
    """Asks the kernel to kill this process when the one that started it dies (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _python_path() -> str:
    here = str(Path(__file__).parents[2])
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH")) if part)


def _tail(log: Path | None) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log and log.exists() else []
    return "\n    ".join(["; its last words:", *lines[-_LOG_LINES:]]) if lines else ""
