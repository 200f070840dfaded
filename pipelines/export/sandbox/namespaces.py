"""Namespaces: a network without a way out, processes that end together, and no sight of the others (namespaces(7)).

A plain user gets them inside a user namespace. Where those are forbidden (containers, chroots, Ubuntu's AppArmor
profile for unprivileged users), root may still have the others.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pipelines.export.sandbox.kernel import call, die_with_parent

__all__ = ["become_second", "enter_namespaces"]

_NEW_MOUNTS, _NEW_IPC, _NEW_USER, _NEW_PROCESSES, _NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_ALL_BUT_USER = _NEW_MOUNTS | _NEW_IPC | _NEW_PROCESSES | _NEW_NETWORK
_RECURSIVE, _PRIVATE = 0x4000, 0x40000
_HARMLESS = 0x2 | 0x4 | 0x8  # MS_NOSUID, MS_NODEV, MS_NOEXEC


def enter_namespaces() -> None:
    """Moves this process into new namespaces; the next process that it forks is the first of its process namespace.

    Raises:
        OSError: The kernel grants neither a user namespace nor the others without one.
    """
    refusal: OSError | None = None
    for flags in (_NEW_USER | _ALL_BUT_USER, _ALL_BUT_USER):
        try:
            _try_out(flags)
        except OSError as error:
            refusal = refusal or error
        else:
            _enter(flags)
            return
    assert refusal is not None
    raise refusal


def _try_out(flags: int) -> None:
    """Enters namespaces in a process of its own: half of it may be granted, and there is no way back."""
    child = os.fork()
    if child == 0:
        try:
            _enter(flags)
        except OSError as error:
            os._exit(error.errno or 1)
        except BaseException:  # nothing of this copy may go on
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        raise OSError(status, os.strerror(status))


def _enter(flags: int) -> None:
    user, group = os.geteuid(), os.getegid()
    call("unshare", flags)
    if flags & _NEW_USER:  # this user, under the same number, and nobody else
        own = Path("/proc/self")
        (own / "setgroups").write_text("deny")
        (own / "uid_map").write_text(f"{user} {user} 1")
        (own / "gid_map").write_text(f"{group} {group} 1")


def become_second() -> None:
    """Forks twice: this process waits, the first process of the namespace waits, and the second returns from here.

    Signals do nothing to the first one, so it is none that could need them; when it ends, the kernel ends all others.
    /proc shows this namespace alone, where it can be mounted: not in a chroot, and not in a container that hides parts
    of its own. There the names and command lines of other processes stay visible.
    """
    _fork_and_mirror()
    with suppress(OSError):
        call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)  # or the next one would be everybody's
        call("mount", b"proc", b"/proc", b"proc", _HARMLESS, None)
    _fork_and_mirror()


def _fork_and_mirror() -> None:
    """Forks: this process waits, and ends as the other ends; the other returns from here, and dies with this one."""
    child = os.fork()
    if child:
        _mirror(child)
    die_with_parent()


def _mirror(child: int) -> NoReturn:
    """Waits for a child, and for orphans meanwhile; ends as it ended, a signal as 128 + its number."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
