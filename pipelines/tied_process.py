"""Commands that end with the process that starts them, however that ends: SIGKILL included."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["tied_to_this_process"]

# Becomes the command; PR_SET_PDEATHSIG (1, prctl(2)) outlives exec. Not a `preexec_fn`: that runs Python between fork
# and exec, where other threads' locks stay locked for ever, and where gRPC aborts.
_LAUNCHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def tied_to_this_process(command: Sequence[str | Path]) -> list[str]:
    """Returns the command for `subprocess.Popen` that gets SIGTERM when the thread that starts it is no more.

    Args:
        command: A program by its path, and its arguments.
    """
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *map(str, command)]
