"""The rules themselves: the list, and one of them in full."""

import textwrap

from pipelines.errors import UsageError
from pipelines.verdict.rules import FAMILIES, RULES

__all__ = ["explain_rule", "list_rules"]

_WIDTH = 100


def list_rules() -> str:
    """Every rule on a line, by family."""
    longest = max(map(len, RULES))
    lines = []
    for family, rules in FAMILIES.items():
        lines += [f"{family}:", *(f"  {rule.id:{longest}}  {rule.verdict:19}  {rule.title}" for rule in rules), ""]
    return "\n".join([*lines, f"{len(RULES)} rules; `riva-verdict --explain RULE` says more about one"])


def explain_rule(rule: str) -> str:
    """What a rule asks for, why, and what to do.

    Raises:
        UsageError: There is no such rule.
    """
    found = RULES.get(rule)
    if found is None:
        import difflib

        near = difflib.get_close_matches(rule, RULES, n=1)
        hint = f"did you mean {near[0]}?" if near else "`riva-verdict --rules` lists them"
        raise UsageError(f"there is no rule {rule!r}", fix=hint)
    about = f"{found.verdict} (exit code {found.outcome.exit_code})"
    if found.target:
        about += f", on target {found.target} only"
    parts = [("broken", about), ("why", found.why), ("fix", found.fix), ("see", found.link)]
    lines = [f"{found.id}: {found.title}"]
    for name, text in parts:
        lines += textwrap.wrap(text, _WIDTH, initial_indent=f"  {name:7} ", subsequent_indent=" " * 10)
    return "\n".join(lines)
