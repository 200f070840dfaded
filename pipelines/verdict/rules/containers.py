"""The file itself: a whole tar archive with harmless members."""

from pipelines.errors import UnsafeCheckpoint
from pipelines.verdict.findings import Outcome, Rule

__all__ = ["MEMBER_KINDS", "MEMBER_LIMITS", "MEMBER_NAMES", "MEMBER_ONCE", "NOTHING_HIDDEN", "READABLE"]

_TRAVERSAL = "https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/2025/23xxx/CVE-2025-23360.json"
_DO_NOT_UNPACK = "do not unpack this file; ask its maker for the checkpoint that NeMo's save_to() wrote"

READABLE = Rule(
    id="readable",
    title="The checkpoint is a whole, safe .nemo archive with a configuration",
    outcome=Outcome.UNREADABLE,
    why="nothing can be said about a file that cannot be read to its end",
    fix="name the .nemo file that NeMo's save_to() wrote, and compare its size with the original",
    link="https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/core/core.html#save-and-restore",
)
MEMBER_NAMES = Rule(
    id="member-names",
    title="Every member has a plain, relative name that stays in the folder where it is unpacked",
    outcome=Outcome.UNSAFE,
    why="whoever unpacks the archive writes a file where its maker wants it, over keys and start-up files",
    fix=_DO_NOT_UNPACK,
    link=_TRAVERSAL,
    error=UnsafeCheckpoint,
)
MEMBER_KINDS = Rule(
    id="member-kinds",
    title="Every member is a regular file or a folder",
    outcome=Outcome.UNSAFE,
    why="through a link, unpacking and saving read and write files that are not in the archive",
    fix=_DO_NOT_UNPACK,
    link="https://github.com/NVIDIA/NeMo/pull/8976",
    error=UnsafeCheckpoint,
)
MEMBER_ONCE = Rule(
    id="member-once",
    title="No two members have the same name, on any file system",
    outcome=Outcome.UNSAFE,
    why="one reader takes the first and another the last: what was checked is not what is loaded",
    fix=_DO_NOT_UNPACK,
    link=_TRAVERSAL,
    error=UnsafeCheckpoint,
)
MEMBER_LIMITS = Rule(
    id="member-limits",
    title="The archive has no more members and no longer headers than a checkpoint needs",
    outcome=Outcome.UNREADABLE,
    why="an archive without end fills the memory or the disk of whoever reads it",
    fix="ask its maker for the checkpoint that NeMo's save_to() wrote: it has a few dozen members",
    link=_TRAVERSAL,
)
NOTHING_HIDDEN = Rule(
    id="nothing-hidden",
    title="Nothing follows the end of the archive",
    outcome=Outcome.UNSAFE,
    why="other programs find another archive there, which nobody has checked",
    fix=_DO_NOT_UNPACK,
    link="https://arxiv.org/html/2508.19774v1",
    error=UnsafeCheckpoint,
)
