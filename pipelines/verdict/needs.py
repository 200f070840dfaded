"""Memory and disk that the stages need for a checkpoint, and whether a machine has them.

The figures are for the open runtime on a CPU: every stage after the other on one machine, two ways of recognition
(streaming and offline). Measured with Conformers on two cores, as the proportional set size of all processes at its
peak, with Linux 6, NeMo 3.0, torch 2.13 and ONNX Runtime 1.32:

    parameters   weights   nemo2riva   riva-deploy   start-riva   outputs
         2.1 M      8 MB      0.83 GB       0.27 GB      0.34 GB   0.07 GB
        13.0 M     52 MB      0.98 GB
       115   M    461 MB      2.65 GB       0.38 GB      1.62 GB   2.41 GB
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.sizes import in_words
from pipelines.verdict.facts import Facts
from pipelines.verdict.findings import Finding
from pipelines.verdict.rules.resources import DISK_SUFFICES, MEMORY_SUFFICES

__all__ = ["Capacity", "Needs", "check_needs", "l4t_line", "needs_of", "read_l4t"]

L4T_RELEASE = Path("/etc/nv_tegra_release")
_L4T, _LINE = re.compile(r"# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)"), 1024

_SINGLE = 4  # bytes of a weight: networks are restored, compared and served in single precision
_MODES = 2

# Memory = fixed + a multiple of the weights in single precision, for the stage that needs most.
EXPORT_FIXED = 1_000_000_000  # NeMo and torch, ONNX Runtime beside them; measured 0.80 GB
EXPORT_COPIES = 4.5  # two restored models, the graph that is written, ONNX Runtime's own; measured 4.0
SERVE_FIXED = 700_000_000  # Triton, a Python process for each model, the API server, some streams; measured 0.31 GB
SERVE_COPIES = 1.6 * _MODES  # ONNX Runtime holds the graph and parts of it in another order; measured 1.4 for each

# Disk. While it is exported: clean copy, what NeMo unpacks, graph and .riva. Afterwards the .riva, and an .rmir and a
# network of the model repository for each mode, one of them twice while it is deployed.
DISK_FIXED = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What the stages need, in bytes.

    Args:
        export_memory: Of nemo2riva.
        serve_memory: Of start-riva.
        disk: For everything that is written until the server runs, the checkpoint itself not counted.
    """

    export_memory: int
    serve_memory: int
    disk: int

    @property
    def memory(self) -> int:
        """Of the stage that needs most."""
        return max(self.export_memory, self.serve_memory)


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a machine has: memory and disk in bytes, where None is not checked, and the software of a Jetson.

    Args:
        memory: That processes may still take.
        disk: Free where outputs are written.
        l4t: The line of Jetson Linux, such as 36.3; empty if it is no Jetson.
    """

    memory: int | None = None
    disk: int | None = None
    l4t: str = ""

    @classmethod
    def here(cls, folder: Path) -> "Capacity":
        """What this machine has at the moment, with its outputs in `folder` or a folder around it."""
        while not folder.is_dir():
            folder = folder.parent
        return cls(memory=_free_memory(), disk=shutil.disk_usage(folder).free, l4t=l4t_line())


def l4t_line(release: Path = L4T_RELEASE) -> str:
    """The line of Jetson Linux that this machine runs, such as 36.3; empty if it is no Jetson."""
    try:
        with release.open(encoding="utf-8", errors="replace") as file:
            return read_l4t(file.readline(_LINE))
    except OSError:
        return ""


def read_l4t(release: str) -> str:
    """The line in the text of `/etc/nv_tegra_release`; `# R36 (release), REVISION: 3.0, GCID: ...` is 36.3.0."""
    match = _L4T.match(release)
    return f"{match[1]}.{match[2]}" if match else ""


def needs_of(facts: Facts) -> Needs:
    """Estimates what a checkpoint needs from the count of its weights; from its size if that is unknown."""
    single = facts.weights.parameters * _SINGLE if facts.weights else facts.size
    return Needs(
        export_memory=EXPORT_FIXED + int(EXPORT_COPIES * single),
        serve_memory=SERVE_FIXED + int(SERVE_COPIES * single),
        disk=DISK_FIXED + max(2 * facts.size + 2 * single, (2 + 2 * _MODES) * single),
    )


def check_needs(needs: Needs, capacity: Capacity) -> Iterator[Finding]:
    """Yields what a machine lacks."""
    if capacity.memory is not None and capacity.memory < needs.memory:
        stage = "nemo2riva" if needs.export_memory >= needs.serve_memory else "start-riva"
        yield MEMORY_SUFFICES.finding(
            f"{stage} needs about {in_words(needs.memory)} of memory, there are {in_words(capacity.memory)}"
        )
    if capacity.disk is not None and capacity.disk < needs.disk:
        yield DISK_SUFFICES.finding(
            f"the stages write about {in_words(needs.disk)}, there are {in_words(capacity.disk)} free"
        )


def _free_memory() -> int | None:
    """What the kernel would still give, not more than the limit of the container; None if the kernel does not say."""
    limits = [limit for limit in (_available(), _left_in_group()) if limit is not None]
    return min(limits, default=None)


def _available() -> int | None:
    info = Path("/proc/meminfo")
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", info.read_text("ascii"), re.MULTILINE) if info.exists() else None
    return int(found[1]) * 1024 if found else None


def _left_in_group() -> int | None:
    """What is left of the limit of this process's control group (version 2), if it has one."""
    group = Path("/sys/fs/cgroup")
    try:
        own = Path("/proc/self/cgroup").read_text("ascii").rpartition("::")[2].strip().lstrip("/")
        limit = (group / own / "memory.max").read_text("ascii").strip()
        used = int((group / own / "memory.current").read_text("ascii"))
    except (OSError, ValueError):  # no such group file system: then nothing limits it
        return None
    return None if limit == "max" else max(int(limit) - used, 0)
