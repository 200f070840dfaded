"""System calls that Python does not offer, as functions that raise `OSError`."""

import ctypes
import os
import signal
from typing import Any

__all__ = ["call", "die_with_parent", "drop_privileges", "libc", "prctl", "system_call"]

libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522  # version 3: two blocks of 32 capabilities (capget(2))


def call(name: str, *arguments: Any) -> int:
    """Calls a function of the C library by its name.

    Raises:
        OSError: It returned -1.
    """
    result = int(getattr(libc, name)(*arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def system_call(number: int, *arguments: Any) -> int:
    """Makes a system call that the C library has no function for.

    Raises:
        OSError: It returned -1.
    """
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return call("syscall", ctypes.c_long(number), *words)


def prctl(option: int, *arguments: Any) -> int:
    """Changes a property of this process (prctl(2)).

    Raises:
        OSError: The kernel does not know the option, or refuses.
    """
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in arguments]
    return call("prctl", option, *words, *[ctypes.c_ulong(0)] * (4 - len(words)))


def die_with_parent() -> None:
    """Asks the kernel to kill this process when the one that started it dies. A change of privileges undoes it."""
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def drop_privileges() -> None:
    """Gives up every capability, for good: no program that is started from here gains any (no_new_privs).

    Also of use to root, who is then an ordinary user that owns root's files and cannot look into other processes.

    Raises:
        OSError: The kernel refuses.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
