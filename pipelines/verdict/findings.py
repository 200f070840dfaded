"""What a verdict consists of."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import CheckpointError, RivaError

__all__ = ["Finding", "Verdict"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One reason why a checkpoint cannot be used.

    Args:
        rule: Stable id of the rule, documented in `rules.py`.
        what: What was found, with the values.
        why: The likely reason.
        fix: What to do next.
        error: The error that a stage raises for it.
    """

    rule: str
    what: str
    why: str = ""
    fix: str = ""
    error: type[RivaError] = CheckpointError

    def as_error(self) -> RivaError:
        """Returns the error that says the same."""
        return self.error(f"{self.what} [{self.rule}]", self.why, self.fix)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the static reading of a checkpoint found.

    Args:
        path: The checkpoint.
        obj_cls: Its class as Riva's schemas spell it; empty if it could not be read.
        nemo_version: The NeMo version that saved it; empty if unknown.
        findings: Reasons to refuse it, worst first; none if it can be exported.
    """

    path: Path
    obj_cls: str = ""
    nemo_version: str = ""
    findings: tuple[Finding, ...] = ()

    def raise_findings(self) -> None:
        """Raises the first finding, if there is one.

        Raises:
            RivaError: The error of the finding's rule.
        """
        for finding in self.findings:
            raise finding.as_error()
