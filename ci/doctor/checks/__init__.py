"""What the doctor checks: a family is a module with its rules as constants, and `check`, which yields findings.

Every rule that applies to the job yields at least one finding, also where nothing is wrong. Where the doctor looks is
`ci.doctor.observe`; here is nothing but comparing.
"""

from collections.abc import Iterator
from types import ModuleType

from ci.doctor.checks import clock, engine, gpu, labels, machine, registry
from ci.doctor.facts import Host
from ci.doctor.findings import Finding, Rule
from ci.doctor.job import Job

__all__ = ["FAMILIES", "check"]

_MODULES = (machine, clock, gpu, engine, registry, labels)


def _rules_of(family: ModuleType) -> tuple[Rule, ...]:
    return tuple(value for value in vars(family).values() if isinstance(value, Rule))


FAMILIES = {module.__name__.rpartition(".")[2]: _rules_of(module) for module in _MODULES}
"""The rules of each family, in the order in which they are looked at."""


def check(host: Host, job: Job) -> Iterator[Finding]:
    """Yields what is found about a machine that is to run a job."""
    for module in _MODULES:
        yield from module.check(host, job)
