"""What the doctor's report is made of: rules, and a finding for each rule that was looked at.

The manner is that of the verdict on checkpoints (`pipelines.verdict.findings`). Two things differ: a machine is told
what is in order as well, and one rule can end in several outcomes, because a probe may fail where the machine does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.verdict import findings as verdict

__all__ = ["Finding", "Outcome", "Rule", "worst"]


class Outcome(verdict.Ranked):
    """What was found, from best to worst. Only what will make a job fail ends in an exit code other than 0."""

    OK = "ok", 0
    NOTE = "note", 0
    UNKNOWN = "unknown", 0
    WARNING = "warning", 0
    FAILS = "fails", 1


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Something that a machine should have. Its id never changes its meaning; one that goes stays unused.

    Args:
        id: Stable and telling, in kebab case: what a good machine has (`ports-free`).
        title: What the rule asks for, in one line.
        outcome: What a machine that breaks it gets.
        why: What would happen in the job.
        fix: What to do, where a finding does not know better.
        link: Where it is documented or reported.
    """

    id: str
    title: str
    outcome: Outcome
    why: str
    fix: str
    link: str

    @classmethod
    def of(cls, rule: verdict.Rule, outcome: Outcome) -> "Rule":
        """A rule of the verdict on checkpoints that is about the machine as well."""
        return cls(id=rule.id, title=rule.title, outcome=outcome, why=rule.why, fix=rule.fix, link=rule.link)

    def kept(self, what: str) -> "Finding":
        """The machine is as it should be; `what` says how it is."""
        return Finding(rule=self, outcome=Outcome.OK, what=what)

    def note(self, what: str, *, fix: str = "") -> "Finding":
        """Worth knowing, and nothing is wrong."""
        return Finding(rule=self, outcome=Outcome.NOTE, what=what, fix=fix)

    def unknown(self, what: str, *, why: str = "", fix: str = "") -> "Finding":
        """Nobody has published what would decide it, or the machine does not say."""
        return Finding(rule=self, outcome=Outcome.UNKNOWN, what=what, why=why, fix=fix)

    def broken(self, what: str, *, why: str = "", fix: str = "", outcome: Outcome | None = None) -> "Finding":
        """The machine breaks the rule; `why`, `fix` and `outcome` of the rule stand in for what is not given."""
        return Finding(rule=self, outcome=outcome or self.outcome, what=what, why=why or self.why, fix=fix or self.fix)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found about one rule.

    Args:
        rule: The rule.
        outcome: How the machine stands.
        what: What was found, with the values.
        why: The likely reason, or what would happen in a job.
        fix: What to do next.
    """

    rule: Rule
    outcome: Outcome
    what: str
    why: str = ""
    fix: str = ""


def worst(findings: Iterable[Finding]) -> Outcome:
    """The worst outcome of some findings; `OK` of none."""
    return max((finding.outcome for finding in findings), key=lambda outcome: outcome.severity, default=Outcome.OK)
