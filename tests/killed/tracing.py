"""Stops a process at any of its file operations: ptrace, so that what counts is what the kernel is asked for."""

import ctypes
import os
import platform
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Outcome", "trace"]

_TRACEME, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x100000  # mark system calls, follow fork, vfork and clone, kill with the tracer
_ALL_CHILDREN = 0x40000000  # __WALL: threads too
_ENTRY = 1
_SYSCALL_STOP = signal.SIGTRAP | 0x80

# Number of the argument that names the file, and whether it is a path or a descriptor. linux/syscall numbers of each.
_PATH, _DESCRIPTOR = "path", "descriptor"
_X86_64 = {
    2: ("open", 0, _PATH), 85: ("open", 0, _PATH), 257: ("open", 1, _PATH),
    1: ("write", 0, _DESCRIPTOR), 18: ("write", 0, _DESCRIPTOR), 20: ("write", 0, _DESCRIPTOR),
    40: ("write", 0, _DESCRIPTOR), 326: ("write", 2, _DESCRIPTOR), 77: ("write", 0, _DESCRIPTOR),
    74: ("fsync", 0, _DESCRIPTOR), 75: ("fsync", 0, _DESCRIPTOR),
    82: ("rename", 0, _PATH), 264: ("rename", 1, _PATH), 316: ("rename", 1, _PATH),
    83: ("mkdir", 0, _PATH), 258: ("mkdir", 1, _PATH), 86: ("link", 1, _PATH), 265: ("link", 3, _PATH),
    87: ("unlink", 0, _PATH), 263: ("unlink", 1, _PATH), 84: ("unlink", 0, _PATH),
}  # fmt: skip
_AARCH64 = {
    56: ("open", 1, _PATH),
    64: ("write", 0, _DESCRIPTOR), 66: ("write", 0, _DESCRIPTOR), 68: ("write", 0, _DESCRIPTOR),
    71: ("write", 0, _DESCRIPTOR), 285: ("write", 2, _DESCRIPTOR), 46: ("write", 0, _DESCRIPTOR),
    82: ("fsync", 0, _DESCRIPTOR), 83: ("fsync", 0, _DESCRIPTOR),
    38: ("rename", 1, _PATH), 276: ("rename", 1, _PATH), 34: ("mkdir", 1, _PATH), 37: ("link", 3, _PATH),
    35: ("unlink", 1, _PATH),
}  # fmt: skip
_CALLS = {"x86_64": _X86_64, "aarch64": _AARCH64}[platform.machine()]
_AT_FDCWD = 2**64 - 100
_CREAT_X86_64 = 85

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class _SyscallInfo(ctypes.Structure):
    """struct ptrace_syscall_info, at the entry of a call."""

    _fields_ = [
        ("op", ctypes.c_uint8),
        ("pad", ctypes.c_uint8 * 3),
        ("arch", ctypes.c_uint32),
        ("instruction_pointer", ctypes.c_uint64),
        ("stack_pointer", ctypes.c_uint64),
        ("number", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 6),
        ("rest", ctypes.c_uint64 * 4),
    ]


@dataclass
class Outcome:
    """What became of a traced function.

    Attributes:
        operations: What it did to files below the watched folders, in order: kind and name.
        code: Its exit code, or None if it was killed.
    """

    operations: list[tuple[str, str]] = field(default_factory=list)
    code: int | None = None


def trace(
    function: Callable[[], int],
    *,
    begin: Path,
    watched: tuple[Path, ...],
    at: int | None = None,
    action: Callable[[int], None] | None = None,
) -> Outcome:
    """Runs a function in a forked process and counts its file operations.

    Args:
        function: Returns the exit code.
        begin: Counting starts with the first operation on or below this folder: output has begun.
        watched: From then on, operations on or below these folders count.
        at: The operation, from 0, before which the process is stopped.
        action: What to do to the process then, given its id; it goes on afterwards, unless it was killed.
    """
    pid = os.fork()
    if pid == 0:
        _ptrace(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        code = 70
        try:
            code = function()
        finally:
            os._exit(code)
    os.waitpid(pid, _ALL_CHILDREN)
    _ptrace(_SETOPTIONS, pid, _OPTIONS)
    outcome = Outcome()
    _ptrace(_SYSCALL, pid)
    while True:
        thread, status = os.waitpid(-1, _ALL_CHILDREN)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if thread == pid:
                outcome.code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
                return outcome
            continue
        stopped_by = os.WSTOPSIG(status)
        if stopped_by == _SYSCALL_STOP:
            operation = _operation(thread)
            if operation is not None and _counts(operation[1], outcome, begin, watched):
                if len(outcome.operations) == at and action is not None:
                    action(pid)
                outcome.operations.append((operation[0], Path(operation[1]).name))
        passed_on = 0 if stopped_by in (_SYSCALL_STOP, signal.SIGTRAP, signal.SIGSTOP) else stopped_by
        _ptrace(_SYSCALL, thread, passed_on, missing_ok=True)


def _counts(path: str, outcome: Outcome, begin: Path, watched: tuple[Path, ...]) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in (watched if outcome.operations else (begin,)))


def _operation(thread: int) -> tuple[str, str] | None:
    """Kind and path of the file operation that a thread is about to do; opening to read is none."""
    info = _SyscallInfo()
    _libc.ptrace(_GET_SYSCALL_INFO, thread, ctypes.sizeof(info), ctypes.byref(info))
    if info.op != _ENTRY or info.number not in _CALLS:
        return None
    kind, place, is_a = _CALLS[info.number]
    argument = info.arguments[place]
    if kind == "open" and info.number != _CREAT_X86_64 and info.arguments[place + 1] & os.O_ACCMODE == os.O_RDONLY:
        return None
    try:
        if is_a == _DESCRIPTOR:
            return kind, str(Path(f"/proc/{thread}/fd/{argument}").readlink())
        folder = info.arguments[place - 1] if place else _AT_FDCWD
        origin = "cwd" if folder % 2**32 == _AT_FDCWD % 2**32 else f"fd/{folder}"
        return kind, str(Path(f"/proc/{thread}/{origin}").readlink() / _text(thread, argument))
    except OSError:  # a descriptor that is not open, a path that is not there: the call will fail
        return None


def _text(thread: int, address: int) -> str:
    with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        text = memory.read(min(4096, 4096 - address % 4096))
        if b"\0" not in text:
            text += memory.read(4096)
    return os.fsdecode(text.partition(b"\0")[0])


def _ptrace(request: int, pid: int, data: int = 0, *, missing_ok: bool = False) -> None:
    if _libc.ptrace(request, pid, None, data) == -1 and not missing_ok:
        raise OSError(ctypes.get_errno(), f"ptrace({request}): {os.strerror(ctypes.get_errno())}")
