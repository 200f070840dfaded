"""What a verdict is made of: rules, and findings that say where a checkpoint breaks one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from pipelines.errors import BrokenCheckpoint, RivaError

__all__ = ["Finding", "Outcome", "Ranked", "Rule", "merged", "worst"]


class Ranked(Enum):
    """Outcomes from best to worst, each with its words and the exit code that it means."""

    def __init__(self, text: str, exit_code: int) -> None:
        self.text, self.exit_code = text, exit_code

    @property
    def severity(self) -> int:
        """The place in the order from best to worst."""
        return list(type(self)).index(self)


class Outcome(Ranked):
    """What may be expected of a checkpoint, from best to worst; a rule has the outcome of a checkpoint that breaks it.

    Unknown is an outcome of its own: nobody has published what would decide it. It counts, and is never taken for a
    success. What is unsafe comes last, because harm that was seen outweighs a part that could not be read.
    """

    WORKS = "works", 0
    WAIVER = "works with a waiver", 0
    UNKNOWN = "unknown", 4
    FAILS = "does not work", 1
    UNREADABLE = "cannot be read", 3
    UNSAFE = "unsafe", 2

    @property
    def refuses(self) -> bool:
        """Whether no stage may go on with such a checkpoint."""
        return self.severity >= Outcome.FAILS.severity


def merged(findings: Iterable["Finding"]) -> list["Finding"]:
    """Findings that say the same of several places as one each, with all the places."""
    places: dict[Finding, list[str]] = {}
    for finding in findings:
        places.setdefault(replace(finding, where=""), []).append(finding.where)
    return [replace(finding, where=", ".join(filter(None, where))) for finding, where in places.items()]


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes; `WORKS` of none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.WORKS)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that every checkpoint must keep to. Its id never changes its meaning; one that goes stays unused.

    Args:
        id: Stable and telling, in kebab case: what a good checkpoint has (`tokenizer-present`).
        title: What the rule asks for, in one line.
        outcome: What may be expected of a checkpoint that breaks it; `WORKS` for a remark.
        why: Why it matters: what would happen later if nobody looked now.
        fix: What to do, where a finding does not know better.
        link: Where upstream documents or reports it.
        error: What a stage raises for it.
        target: The only target that it is about; empty if it is about all.
    """

    id: str
    title: str
    outcome: Outcome
    why: str
    fix: str
    link: str
    error: type[RivaError] = BrokenCheckpoint
    target: str = ""

    @property
    def verdict(self) -> str:
        """What is said of a checkpoint that breaks it; `note` if that does not decide anything."""
        return "note" if self.outcome is Outcome.WORKS else self.outcome.text

    def finding(self, what: str, *, where: str = "", why: str = "", fix: str = "") -> "Finding":
        """A place where the rule is broken; `why` and `fix` of the rule stand in for what is not given."""
        return Finding(rule=self, what=what, where=where, why=why or self.why, fix=fix or self.fix)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that a checkpoint breaks.

    Args:
        rule: The rule.
        what: What was found, with the values.
        where: Member of the archive, key of the configuration, or file and line; empty for the whole.
        why: The likely reason, or why it matters.
        fix: What to do next.
    """

    rule: Rule
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""

    def as_error(self) -> RivaError:
        """Returns the error that says the same and carries the finding."""
        error = self.rule.error(f"{self.what} [{self.rule.id}]", self.why, self.fix)
        error.finding = self
        return error
