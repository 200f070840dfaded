"""Flags declared once, as fields of a frozen dataclass; parser, help, tables and spelling derive from it.

    @dataclass(frozen=True, kw_only=True)
    class Options:
        riva_uri: str = flag("0.0.0.0:50051", "address of the API", name="riva-uri", metavar="HOST:PORT")
        force: bool = flag(False, "replace an existing output", short="-f")
        endpointing: Endpointing = component(Endpointing)      # --endpointing.start_history and so on

Types a field may have: `str`, `int`, `float`, `bool`, `Path`, a `Literal` of strings, any of them `| None` (spelled
`None` on the command line), or `tuple[T, ...]` (several words). `command_line.py` reads `argv` with it.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipelines.errors import UsageError

__all__ = ["Flag", "component", "flag", "flags_of", "from_mapping", "spell", "to_mapping", "usage_error", "value_of"]

_DECLARATION = "flag"
TRUE, FALSE = frozenset({"true", "yes", "y", "t", "on", "1"}), frozenset({"false", "no", "n", "f", "off", "0"})

Options = TypeVar("Options")


def flag(
    default: object,
    meaning: str,
    *,
    name: str = "",
    metavar: str = "",
    short: str = "",
    aliases: tuple[str, ...] = (),
    note: str = "",
    facts: object = None,
    secret: bool = False,
) -> Any:
    """Declares a flag; stands where a dataclass field has its default.

    Args:
        default: Value when the flag is not given.
        meaning: One or two sentences for help and tables.
        name: As typed, without dashes; the field's name by default.
        metavar: What stands for the value in help, for example its unit.
        short: One-letter form such as "-f".
        aliases: Older names that are still understood, without dashes.
        note: A short mark at the end of its help.
        facts: Anything a tool wants to keep with the flag (`Flag.facts`).
        secret: Whether the options' `repr` leaves the value out.
    """
    declared = Flag(
        name=name,
        default=default,
        meaning=meaning,
        metavar=metavar,
        short=short,
        aliases=aliases,
        note=note,
        facts=facts,
    )
    return dataclasses.field(default=default, repr=not secret, metadata={_DECLARATION: declared})


def component(options: type) -> Any:
    """Declares a field whose flags are those of another dataclass, with the field's name and a dot before them."""
    return dataclasses.field(default_factory=options)


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One flag of a tool, with everything that is known about it."""

    name: str
    default: object
    meaning: str
    metavar: str
    short: str
    aliases: tuple[str, ...]
    note: str
    facts: object
    path: tuple[str, ...] = ()  # attributes that lead to the value; with `kind`, known once the dataclass is read
    kind: Any = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it takes, where only some are allowed."""
        return typing.get_args(self._plain) if typing.get_origin(self._plain) is typing.Literal else ()

    @property
    def several(self) -> bool:
        """Whether it takes several words."""
        return typing.get_origin(self.kind) is tuple

    @property
    def boolean(self) -> bool:
        """Whether it may stand bare."""
        return self._plain is bool

    @property
    def type_name(self) -> str:
        """For tables: str, int, float, bool, path, or the choices."""
        return " / ".join(self.choices) or ("path" if self._plain is Path else str(self._plain.__name__))

    @property
    def _optional(self) -> bool:
        return types.NoneType in typing.get_args(self.kind)

    @property
    def _plain(self) -> Any:
        if self.several:
            return typing.get_args(self.kind)[0]
        if self._optional:
            return next(part for part in typing.get_args(self.kind) if part is not types.NoneType)
        return self.kind

    def read(self, text: str) -> object:
        """The value that `text` spells.

        Raises:
            ValueError: With what was expected and what was got.
        """
        if self._optional and text == "None":
            return None
        if self.choices:
            known = {choice.casefold(): choice for choice in self.choices}
            if text.casefold() not in known:
                raise ValueError(f"expected one of {', '.join(self.choices)}, got {text!r}")
            return known[text.casefold()]
        return _READERS[self._plain](text)


def flags_of(options: type) -> tuple[Flag, ...]:
    """The flags of a dataclass, in the order of declaration; those of a component have its name before a dot."""
    return tuple(_flags_of(options, ()))


def _flags_of(options: type, path: tuple[str, ...]) -> Iterator[Flag]:
    hints = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        if dataclasses.is_dataclass(hints[field.name]):
            yield from _flags_of(hints[field.name], (*path, field.name))
        elif _DECLARATION in field.metadata:
            declared: Flag = field.metadata[_DECLARATION]
            name = ".".join((*path, declared.name or field.name))
            yield dataclasses.replace(declared, name=name, path=(*path, field.name), kind=hints[field.name])


def value_of(options: object, flag: Flag) -> object:
    """The value that `options` holds for `flag`."""
    for name in flag.path:
        options = getattr(options, name)
    return options


def spell(value: object) -> str:
    """A value as it is typed on a command line; `Flag.read` is the inverse."""
    if isinstance(value, tuple):
        return " ".join(map(spell, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def to_mapping(options: object) -> dict[str, object]:
    """Every flag's value by its name, as plain YAML or JSON has it; `from_mapping` is the inverse."""
    values = {flag.name: value_of(options, flag) for flag in flags_of(type(options))}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def from_mapping(options: type[Options], values: Mapping[str, object]) -> Options:
    """Makes an options object from values by flag name; flags that are not named keep their default.

    Raises:
        KeyError: A name is not a flag of `options`.
    """
    by_name = {flag.name: flag for flag in flags_of(options)}
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *components, field = by_name[name].path
        branch = tree
        for part in components:
            branch = branch.setdefault(part, {})
        branch[field] = by_name[name].read(value) if isinstance(value, str) else value
    return typing.cast(Options, _build(options, tree))


def _build(options: type, tree: Mapping[str, Any]) -> object:
    hints = typing.get_type_hints(options)
    return options(
        **{
            name: _build(hints[name], value) if dataclasses.is_dataclass(hints[name]) else value
            for name, value in tree.items()
        }
    )


def usage_error(problems: Sequence[str], fix: str) -> UsageError:
    """One error for all the problems of a command line."""
    if len(problems) == 1:
        return UsageError(problems[0], fix=fix)
    return UsageError("\n  - ".join([f"{len(problems)} problems with the options:", *problems]), fix=fix)


def _read_bool(text: str) -> bool:
    if text.casefold() in TRUE:
        return True
    if text.casefold() in FALSE:
        return False
    raise ValueError(f"expected True or False, got {text!r}")


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got {text!r}") from None


def _read_float(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a number, got {text!r}")
    return number


_READERS: dict[Any, Callable[[str], object]] = {
    str: str,
    Path: Path,
    int: _read_int,
    float: _read_float,
    bool: _read_bool,
}
