"""The members of the archive, as findings."""

from collections.abc import Iterator

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.archive.tar_headers import Flaw
from pipelines.verdict.findings import Finding
from pipelines.verdict.rules.containers import MEMBER_KINDS, MEMBER_LIMITS, MEMBER_NAMES, MEMBER_ONCE, NOTHING_HIDDEN

__all__ = ["check_members"]

_RULES = {
    Flaw.NAME: MEMBER_NAMES,
    Flaw.KIND: MEMBER_KINDS,
    Flaw.TWICE: MEMBER_ONCE,
    Flaw.LIMIT: MEMBER_LIMITS,
    Flaw.HIDDEN: NOTHING_HIDDEN,
}


def check_members(checkpoint: NemoCheckpoint) -> Iterator[Finding]:
    """Yields what is wrong with members of the archive."""
    for defect in checkpoint.defects:
        yield _RULES[defect.flaw].finding(f"{checkpoint.path}: {defect}", where=defect.member)
