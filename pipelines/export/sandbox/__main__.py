"""`python -m pipelines.export.sandbox SANDBOX PORT REPORT MODULE ARGUMENTS`: runs a module inside a sandbox.

It goes in before anything of the module is imported, and says what holds on the pipe REPORT (an `Isolation`), which it
closes then. Layers that the kernel does not grant are left out and said; whether that will do is for the caller.
"""

import os
import runpy
import socket
import sys
from collections.abc import Callable, Mapping

from pipelines.export.sandbox.files import restrict_files
from pipelines.export.sandbox.isolation import LAYERS, Isolation, Sandbox
from pipelines.export.sandbox.kernel import die_with_parent, drop_privileges
from pipelines.export.sandbox.memory import limit_memory
from pipelines.export.sandbox.namespaces import become_second, enter_namespaces
from pipelines.export.sandbox.system_calls import refuse_system_calls

_CONNECT_S = 2.0  # loopback answers at once, and a closed network fails at once


def main() -> None:
    """Enters the sandbox, reports, and becomes the module."""
    sandbox, port, report = Sandbox.from_json(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    module, sys.argv = sys.argv[4], sys.argv[4:]
    die_with_parent()
    isolation = _enter(sandbox, port)
    os.write(report, isolation.to_json().encode())
    os.close(report)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _enter(sandbox: Sandbox, port: int) -> Isolation:
    on, missing = [], []
    for layer in LAYERS:
        try:
            if layer not in sandbox.layers:
                raise OSError(0, "left out")
            _PUT_ON[layer](sandbox)
            on.append(layer)
        except OSError as error:
            missing.append(f"{layer}: {error.strerror}")
    return Isolation(network=not _reaches(port), layers=tuple(on), missing=tuple(missing))


def _leave_host(_sandbox: Sandbox) -> None:
    enter_namespaces()
    die_with_parent()  # again: a user namespace is a change of privileges
    become_second()


def _limit_memory(sandbox: Sandbox) -> None:
    if sandbox.memory_limit is not None:
        limit_memory(sandbox.memory_limit, whole_address_space=sandbox.whole_address_space)


_PUT_ON: Mapping[str, Callable[[Sandbox], None]] = {
    "namespaces": _leave_host,
    "memory": _limit_memory,
    "privileges": lambda _sandbox: drop_privileges(),
    "files": lambda sandbox: restrict_files(sandbox.work),
    "system calls": lambda _sandbox: refuse_system_calls(),
}


def _reaches(port: int) -> bool:
    """Whether the process that started this one can be reached through the network; it listens on `port`."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_CONNECT_S):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
