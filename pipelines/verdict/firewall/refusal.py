"""How the readers of the firewall stop: at the first thing that is not on their allow-list."""

from pipelines.verdict.findings import Finding, Rule

__all__ = ["Refusal", "shown"]

_SHOWN = 80


class Refusal(Exception):
    """Something is not on the allow-list; carries the finding. Never leaves the firewall."""

    def __init__(self, rule: Rule, what: str, *, where: str = "", why: str = "", fix: str = "") -> None:
        self.finding: Finding = rule.finding(what, where=where, why=why, fix=fix)
        super().__init__(self.finding.what)


def shown(value: str | bytes) -> str:
    """Returns a hostile string as a message may hold it: escaped, on one line, cut after 80 characters."""
    text = ascii(value[: _SHOWN + 1])
    return text if len(value) <= _SHOWN else f"{text[:_SHOWN]}..."
