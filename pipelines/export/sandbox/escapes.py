"""Ways out of a sandbox, tried from inside: `python -m pipelines.export.sandbox.escapes`, the targets on stdin.

Nothing is harmed where one succeeds: it reaches what `self_test` put there for it.
"""

import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ATTEMPTS", "NEIGHBOUR", "Attempt", "Targets"]

NEIGHBOUR = "import sys; print(flush=True); sys.stdin.read()"
"""The program of the process outside; it does nothing until it is told to end."""

_TIMEOUT_S = 2.0
_DNS_QUERY = b"\0\1\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1"  # RFC 1035: the address of example.org, please


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What there is to reach.

    Args:
        secret: A value that a process outside has in its environment and in a file.
        variable: The name of the variable.
        port: A TCP port of the loopback address that somebody listens on.
        name_server: A UDP port of the loopback address.
        agent: A Unix socket that somebody listens on.
        process: A process outside, of the same user.
        file: The file.
        folder: A folder outside the work folder.
        memory: More bytes than the sandbox gives.
        late: Where to leave a mark after the end.
        outcome: Where to write what succeeded.
    """

    secret: str
    variable: str
    port: int
    name_server: int
    agent: str
    process: int
    file: str
    folder: str
    memory: int
    late: str
    outcome: str


def _connect(targets: Targets) -> bool:
    with socket.create_connection(("127.0.0.1", targets.port), timeout=_TIMEOUT_S):
        return True


def _ask_name_server(targets: Targets) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as query:
        query.settimeout(_TIMEOUT_S)
        query.sendto(_DNS_QUERY, ("127.0.0.1", targets.name_server))
        return bool(query.recv(1))


def _ask_agent(targets: Targets) -> bool:
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(_TIMEOUT_S)
        agent.connect(targets.agent)
        return True


def _read_variable(targets: Targets) -> bool:
    return targets.variable in os.environ or targets.secret.encode() in Path("/proc/self/environ").read_bytes()


def _read_other_variables(targets: Targets) -> bool:
    return targets.secret.encode() in Path(f"/proc/{targets.process}/environ").read_bytes()


def _signal(targets: Targets) -> bool:
    os.kill(targets.process, 0)
    return NEIGHBOUR.encode() in Path(f"/proc/{targets.process}/cmdline").read_bytes()  # not one of the same number


def _read_file(targets: Targets) -> bool:
    return Path(targets.file).read_text(encoding="utf-8") == targets.secret


def _write_file(targets: Targets) -> bool:
    (Path(targets.folder) / "written").write_text("out", encoding="utf-8")
    return True


def _take_memory(targets: Targets) -> bool:
    with mmap.mmap(-1, targets.memory, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS):
        return True


def _share_memory(targets: Targets) -> bool:
    with mmap.mmap(-1, targets.memory, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS):
        return True


@dataclass(frozen=True)
class Attempt:
    """A way out.

    Args:
        what: What it would do.
        held_by: The layers that close it, each by itself; none if it is always closed.
        succeeds: Tries it; an error means that it failed.
    """

    what: str
    held_by: tuple[str, ...]
    succeeds: Callable[[Targets], bool]


ATTEMPTS: Mapping[str, Attempt] = {
    "connect": Attempt("open a connection to this machine", ("namespaces", "system calls"), _connect),
    "name-server": Attempt("ask a name server", ("namespaces", "system calls"), _ask_name_server),
    "agent": Attempt("talk to an agent through its socket file", ("system calls",), _ask_agent),
    "variable": Attempt("read a secret variable", (), _read_variable),
    "other-variables": Attempt("read the variables of another process", ("files",), _read_other_variables),
    "signal": Attempt("send a signal to another process", ("namespaces",), _signal),
    "read": Attempt("read a file outside its folder", ("files",), _read_file),
    "write": Attempt("write a file outside its folder", ("files",), _write_file),
    "memory": Attempt("take more memory than it is given", ("memory",), _take_memory),
    "shared-memory": Attempt("share more memory than it is given", ("memory",), _share_memory),
}


def main() -> None:
    """Tries everything, says what succeeded, leaves a process behind, and hangs."""
    targets = Targets(**json.loads(sys.stdin.readline()))
    _leave_process_behind(Path(targets.late))
    succeeded = [name for name, attempt in ATTEMPTS.items() if _succeeds(attempt, targets)]
    partial = Path(targets.outcome).with_suffix(".partial")
    partial.write_text(json.dumps(succeeded), encoding="utf-8")
    partial.rename(targets.outcome)
    while True:
        time.sleep(1)


def _succeeds(attempt: Attempt, targets: Targets) -> bool:
    try:
        return attempt.succeeds(targets)
    except (OSError, MemoryError):
        return False


def _leave_process_behind(mark: Path) -> None:
    """Forks a process out of the session, so that it is not killed with it; it writes the time until the file goes."""
    mark.touch()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            with suppress(FileNotFoundError):
                while True:
                    with mark.open("r+", encoding="ascii") as file:
                        file.write(str(time.monotonic()))
                    time.sleep(0.05)
        os._exit(0)


if __name__ == "__main__":
    main()
