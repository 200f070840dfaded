"""How much memory a process may have, and whether that is why it failed."""

import re
import resource
from pathlib import Path

__all__ = ["exhausted_limit", "limit_memory"]

_NEAR = 0.85  # of the limit; what was refused last is not in the peak, and libraries ask for a lot at once


def limit_memory(limit: int, *, whole_address_space: bool) -> None:
    """Limits this process, and every process that it starts, each by itself; nothing dumps its memory if it crashes.

    Args:
        limit: Bytes of private memory that can be written.
        whole_address_space: Whether everything else that is mapped counts, too: what is shared, and what is only
            reserved.

    Raises:
        OSError: The kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)[: 1 + whole_address_space]:
        _, hard = resource.getrlimit(kind)
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (least, least))


def exhausted_limit(error: BaseException) -> int | None:
    """Returns the limit in bytes if an error of this process comes of it, or None.

    Libraries say that memory ended in many ways, some without the word: oneDNN "could not create a primitive".
    """
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    for kind, used in ((resource.RLIMIT_AS, "VmPeak"), (resource.RLIMIT_DATA, "VmData")):
        limit, _ = resource.getrlimit(kind)
        found = re.search(rf"^{used}:\s+(\d+) kB$", status, re.MULTILINE)
        if limit != resource.RLIM_INFINITY and found is not None:
            near = int(found[1]) * 1024 >= _NEAR * limit
            return limit if near or isinstance(error, MemoryError) else None
    return None
