"""Nothing depends on anything: what was typed is what is built."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipelines.cli.flags import usage_error
from pipelines.option_checks import language_problems, name_problems
from shouting.options import ShoutingOptions

__all__ = ["settle"]


def settle(options: ShoutingOptions, given: Collection[str], manifests: Sequence[Mapping[str, Any]]) -> ShoutingOptions:
    """Checks the options."""
    if problems := [*language_problems(options.language_code), *name_problems(options.name)]:
        raise usage_error(problems, fix="`riva-build shouting --help` explains each option")
    return options
