"""What a process may read and write, by Landlock (landlock(7)), which needs no privilege.

It reads the interpreter's libraries and the system's, and writes to its work folder: neither home folders, nor the
repository beside `pipelines/`, nor the checkpoint as it came are there for it.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipelines.export.sandbox.kernel import system_call

__all__ = ["restrict_files"]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every processor
_ASK_VERSION = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_REMOVE = 1 << 4 | 1 << 5  # folders, files
_MAKE = 1 << 7 | 1 << 8  # folders, regular files
_MAKE_OTHERS = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12  # devices, sockets, pipes, links
_MOVE, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_SCOPES = 1 | 2  # since version 6: no signals and no abstract sockets to processes outside

_TO_READ = _EXECUTE | _READ | _LIST
_LIBRARIES = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix", "/run/opengl-driver")
_KERNEL = ("/proc", "/sys")
_SETTINGS = (  # of /etc, which also holds keys and passwords, no more than libraries ask for
    "alternatives",
    "fonts",
    "group",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "nv_tegra_release",
    "os-release",
    "passwd",
    "ssl/openssl.cnf",
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "nvidia*", "nvhost*", "nvmap", "nvgpu*", "dri/*")


def restrict_files(work: Path) -> None:
    """Leaves this process, and all that it starts, the work folder to write and the libraries to read, for good.

    Raises:
        OSError: The kernel has no Landlock, or privileges were not given up before.
    """
    version = system_call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    handled = _TO_READ | _WRITE | _REMOVE | _MAKE | _MAKE_OTHERS
    handled |= (_MOVE if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    # struct landlock_ruleset_attr: files, network (left to the other layers), scopes; older kernels know a shorter one
    attributes = struct.pack("QQQ", handled, 0, _SCOPES) if version >= 6 else struct.pack("Q", handled)
    ruleset = system_call(_CREATE_RULESET, ctypes.c_char_p(attributes), len(attributes), 0)
    try:
        _allow(ruleset, _readable(), _TO_READ)
        _allow(ruleset, _devices(), handled & (_READ | _WRITE | _TRUNCATE))
        _allow(ruleset, [work], handled & ~_MAKE_OTHERS)
        _allow(ruleset, [_own_threads()], handled & (_READ | _LIST | _WRITE | _TRUNCATE))
        system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, places: Iterable[Path], rights: int) -> None:
    for place in places:
        try:
            descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):  # what is not there needs no right
                raise
            continue
        try:
            fitting = rights if place.is_dir() else rights & (_EXECUTE | _READ | _WRITE | _TRUNCATE)
            rule = struct.pack("=Qi", fitting, descriptor)
            system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.c_char_p(rule), 0)
        finally:
            os.close(descriptor)


def _readable() -> Iterator[Path]:
    yield from map(Path, (*_LIBRARIES, *_KERNEL))
    yield from (Path("/etc", name) for name in _SETTINGS)
    yield from {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent}
    ours = Path(__file__).parents[3]
    for entry in map(Path, sys.path):
        yield entry / "pipelines" if entry == ours else entry
    yield from (Path(part) for part in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if part)


def _own_threads() -> Path:
    """Where this process names its threads, which CUDA insists on.

    A rule is about a file, not about its name, and /proc makes its files anew whenever nobody has them open: the
    descriptor stays open as long as the process lives.
    """
    threads = Path("/proc/self/task").resolve()
    os.open(threads, os.O_PATH | os.O_CLOEXEC)
    return threads


def _devices() -> Iterator[Path]:
    for pattern in _DEVICES:
        yield from Path("/dev").glob(pattern)
