"""Whose a container is, in its labels, so that one whose owner is dead can be told from one that is at work.

A process is known by its number and start time, which its kernel (boot) and its view of processes (PID namespace) give
meaning to. Where those are not ours, nothing is known about the owner: its container is left alone.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

__all__ = ["LABEL", "is_abandoned", "labels_of_this_process"]

LABEL = "riva-ci.owner"
"""On every container that the pipeline starts; the others are `riva-ci.owner.*`."""


def labels_of_this_process() -> dict[str, str]:
    """The labels that name this process as the owner."""
    return {
        LABEL: str(os.getpid()),
        f"{LABEL}.started": _started(os.getpid()),
        f"{LABEL}.processes": str(Path("/proc/self/ns/pid").readlink()),
        f"{LABEL}.boot": _boot(),
        f"{LABEL}.host": socket.gethostname(),
    }


def is_abandoned(labels: Mapping[str, str], *, running: bool) -> bool:
    """Whether the owner is known to be dead.

    Args:
        labels: The container's.
        running: Whether the container runs: one that outlived a restart of its machine does not.
    """
    ours = labels_of_this_process()
    if labels.get(f"{LABEL}.boot") != ours[f"{LABEL}.boot"]:
        return not running and labels.get(f"{LABEL}.host") == ours[f"{LABEL}.host"]
    if labels.get(f"{LABEL}.processes") != ours[f"{LABEL}.processes"]:
        return False
    return _started(int(labels[LABEL])) != labels[f"{LABEL}.started"]


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> str:
    """When a process started, in ticks since boot (proc(5), field 22); empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        return ""
