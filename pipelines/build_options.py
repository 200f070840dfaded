"""What an option of `riva-build` is: a flag that says where it is known from and what the open runtime does with it.

A room declares its options with `executed`, `ignored` and `refused`; `refusals` and `notes` then tell `riva-deploy`
what it must say, without knowing any option by name.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pipelines.cli.flags import Flag, flag, flags_of, spell, value_of

__all__ = [
    "Evidence",
    "Facts",
    "Origin",
    "Runtime",
    "executed",
    "facts_of",
    "files_of",
    "ignored",
    "notes",
    "refusals",
    "refused",
]


DefaultOf = Literal["Riva", "Riva, not confirmed", "ours"]


class Evidence(StrEnum):
    """How sure we are that the option exists with this meaning; NVIDIA's riva-build is closed source."""

    DOCUMENTED = "documented"  # NVIDIA's guide or tutorial shows it
    LOGGED = "logged"  # seen in a public log or build script
    NEWER = "newer"  # shown for a newer product generation only
    INFERRED = "inferred"  # believed to exist by analogy, not verified
    OURS = "ours"  # an addition of this project


@dataclass(frozen=True)
class Origin:
    """Where an option is known from."""

    text: str
    evidence: Evidence


class Runtime(StrEnum):
    """What the open runtime does with an option."""

    EXECUTED = "executed"
    IGNORED = "noted and ignored"  # it only tunes an engine that is absent
    REFUSED = "recorded, refused at deploy"  # it changes results and is not executed yet


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an option besides its type, default and meaning.

    Args:
        origin: Where it is known from.
        runtime: What the open runtime does with it.
        default_of: Whose default it is: "Riva", "Riva, not confirmed", or "ours" where Riva's is unknown or unfit.
        neutral: For a refused option, the values that change nothing and are therefore accepted.
        reason: For an ignored option, the engine that is absent; for a refused one, what to do instead.
    """

    origin: Origin
    runtime: Runtime
    default_of: DefaultOf
    neutral: tuple[object, ...] = ()
    reason: str = ""


def executed(
    default: object, meaning: str, origin: Origin, *, default_of: DefaultOf = "ours", **flag_facts: Any
) -> Any:
    """Declares an option that the open runtime executes; further arguments as for `flag`."""
    return flag(
        default, meaning, facts=Facts(origin=origin, runtime=Runtime.EXECUTED, default_of=default_of), **flag_facts
    )


def ignored(
    default: object, meaning: str, origin: Origin, *, reason: str, default_of: DefaultOf = "ours", **flag_facts: Any
) -> Any:
    """Declares an option that tunes an engine which is absent here (`reason` says which)."""
    facts = Facts(origin=origin, runtime=Runtime.IGNORED, default_of=default_of, reason=reason)
    return flag(default, meaning, note="ignored", facts=facts, **flag_facts)


def refused(
    default: object,
    meaning: str,
    origin: Origin,
    *,
    instead: str,
    neutral: tuple[object, ...] = (None,),
    default_of: DefaultOf = "ours",
    **flag_facts: Any,
) -> Any:
    """Declares an option that changes results and is not executed yet: any value but the `neutral` ones is refused."""
    facts = Facts(origin=origin, runtime=Runtime.REFUSED, default_of=default_of, neutral=neutral, reason=instead)
    note = "refused when set" if None in neutral else f"refused unless {spell(neutral[0])}"
    return flag(default, meaning, note=note, facts=facts, **flag_facts)


def facts_of(option: Flag) -> Facts:
    """The facts that one of the three declarations above kept with the flag."""
    assert isinstance(option.facts, Facts)
    return option.facts


def refusals(options: object) -> list[str]:
    """Why these options cannot be deployed on the open runtime: one sentence an option, with the alternative."""
    return [
        f"--{option.name}={spell(value)} changes results and is not executed here yet: {facts_of(option).reason}"
        for option in flags_of(type(options))
        if facts_of(option).runtime is Runtime.REFUSED
        and (value := value_of(options, option)) not in facts_of(option).neutral
    ]


def notes(options: object, given: Collection[str]) -> list[str]:
    """What was asked for and has no effect on the open runtime: one sentence an option."""
    return [
        f"--{option.name}={spell(value_of(options, option))} has no effect here: {facts_of(option).reason}"
        for option in flags_of(type(options))
        if option.name in given and facts_of(option).runtime is Runtime.IGNORED
    ]


def files_of(options: object) -> dict[str, Path]:
    """The files that options name, by option."""
    values = {option.name: value_of(options, option) for option in flags_of(type(options))}
    return {name: value for name, value in values.items() if isinstance(value, Path)}
