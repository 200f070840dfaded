"""Every rule of the verdict, by its id: a family is a module whose constants are its rules."""

from types import ModuleType

from pipelines.verdict.findings import Rule
from pipelines.verdict.rules import (
    claims,
    compatibility,
    configuration,
    containers,
    evaluation,
    graph,
    model,
    pickles,
    pipeline,
    resources,
    tokenizers,
    weights,
)

__all__ = ["FAMILIES", "RULES"]


def _rules_of(family: ModuleType) -> tuple[Rule, ...]:
    return tuple(value for value in vars(family).values() if isinstance(value, Rule))


def _by_id(families: dict[str, tuple[Rule, ...]]) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for family, members in families.items():
        for rule in members:
            if rule.id in rules:
                raise ValueError(f"two rules are called {rule.id}; the second is in {family}")
            rules[rule.id] = rule
    return rules


_MODULES = (
    containers,
    configuration,
    pickles,
    tokenizers,
    weights,
    model,
    claims,
    compatibility,
    resources,
    graph,
    pipeline,
    evaluation,
)

FAMILIES = {module.__name__.rpartition(".")[2]: _rules_of(module) for module in _MODULES}
"""The rules of each family, in the order in which they are looked at."""

RULES = _by_id(FAMILIES)
