"""The command line of a tool, made from the dataclass that declares its flags.

    parsed = CommandLine("start-riva", "Starts the server.", Options).parse(argv)
    parsed.options.force, parsed.given          # typed; names of the flags that were typed

Booleans are bare (`--offline`) or have a value (`--offline=True`, `--offline true`). All problems of a command line are
reported together, in one `UsageError`; nothing is guessed from a prefix.
"""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from pipelines.cli.flags import FALSE, TRUE, Flag, flags_of, from_mapping, spell, usage_error
from pipelines.errors import UsageError

__all__ = ["CommandLine", "Parsed", "Positional"]

_HELP_WIDTH = 110  # fixed, so that help is the same in a log, a terminal and a golden file

Options = TypeVar("Options")
Also = TypeVar("Also")


@dataclass(frozen=True)
class Positional:
    """A word without a flag: its name in help, what it is, whether several may stand there, and whether none may."""

    metavar: str
    meaning: str
    many: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Parsed(Generic[Options]):
    """A command line, understood.

    Args:
        options: The tool's options, typed.
        values: What was typed, by flag name; flags that were not typed are absent.
        words: The words without a flag, by the name of their positional.
    """

    options: Options
    values: Mapping[str, object]
    words: Mapping[str, tuple[str, ...]]

    @property
    def given(self) -> frozenset[str]:
        """The flags that were typed."""
        return frozenset(self.values)

    def read(self, options: type[Also]) -> Also:
        """The options of another dataclass that the command line was made with."""
        names = {flag.name for flag in flags_of(options)}
        return from_mapping(options, {name: value for name, value in self.values.items() if name in names})


class CommandLine(Generic[Options]):
    """A tool's command line: its flags, its positionals and its help.

    Flags may stand before, between and after the positionals.
    """

    def __init__(
        self,
        prog: str,
        description: str,
        options: type[Options],
        positionals: Sequence[Positional] = (),
        *,
        also: Sequence[type] = (),
        epilog: str = "",
        groups: Mapping[str, str] | None = None,
    ) -> None:
        """Args:
        prog: Name of the tool.
        description: First paragraph of the help.
        options: The dataclass that declares the flags.
        positionals: The words without a flag, in order; at most one may be `many`.
        also: Dataclasses of further flags, for `Parsed.read`; they come first in the help.
        epilog: Last paragraph of the help.
        groups: Title in help for each component, by the component's name.
        """
        self.flags = tuple(flag for declared in (*also, options) for flag in flags_of(declared))
        self._options = options
        self._positionals = tuple(positionals)
        self._parser = _Parser(
            prog=prog,
            description=description.replace("%", "%%"),
            epilog=epilog.replace("%", "%%"),
            formatter_class=lambda prog: argparse.HelpFormatter(prog, width=_HELP_WIDTH, max_help_position=34),
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
            usage=" ".join([prog, *(_usage(word) for word in positionals), "[options]"]),
        )
        for positional in positionals:
            self._parser.add_argument(
                positional.metavar, nargs=_count(positional), help=positional.meaning.replace("%", "%%")
            )
        for declared in also:
            for flag in flags_of(declared):
                _add(self._parser, flag)
        titles = groups or {}
        sections: dict[str, Any] = {} if "" in titles else {"": self._parser}
        for flag in flags_of(options):
            component = ".".join(flag.path[:-1])
            if component not in sections:
                sections[component] = self._parser.add_argument_group(titles.get(component, component))
            _add(sections[component], flag)

    def help(self) -> str:
        """The text of `--help`."""
        return self._parser.format_help()

    def parse(self, argv: Sequence[str]) -> Parsed[Options]:
        """Understands `argv` (without the program's name). `-h` prints the help and exits.

        Raises:
            UsageError: Names every unknown flag, every value that cannot be read and every missing word.
        """
        found, unknown = self._parser.parse_known_intermixed_args(_join_booleans(argv, self.flags))
        # the value after an unknown flag looks like a surplus word, and is no problem of its own
        strange = [word for word in unknown if word.startswith("-")] or unknown
        problems = [self._unknown(word) for word in strange]
        values: dict[str, object] = {}
        for flag in self.flags:
            if not hasattr(found, flag.name):
                continue
            raw = getattr(found, flag.name)
            try:
                values[flag.name] = tuple(map(flag.read, raw)) if flag.several else flag.read(raw)
            except ValueError as error:
                problems.append(f"--{flag.name}: {error}")
        if problems:
            raise usage_error(problems, fix=f"`{self._parser.prog} --help` lists every option")
        words = {word.metavar: getattr(found, word.metavar, []) for word in self._positionals}
        own = {flag.name for flag in flags_of(self._options)}
        return Parsed(
            from_mapping(self._options, {name: value for name, value in values.items() if name in own}),
            values,
            {name: tuple(word) if isinstance(word, list) else (word,) for name, word in words.items()},
        )

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"unexpected word {word!r}"
        typed = word.split("=", 1)[0].lstrip("-")
        near = difflib.get_close_matches(typed, [name for f in self.flags for name in (f.name, *f.aliases)], n=1)
        hint = f" (did you mean --{near[0]}?)" if near else ""
        return f"unknown option {word.split('=', 1)[0]}{hint}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"`{self.prog} --help` shows how it is called")


def _usage(positional: Positional) -> str:
    return f"{positional.metavar} [{positional.metavar} ...]" if positional.many else positional.metavar


def _count(positional: Positional) -> str | None:
    if positional.many:
        return "*" if positional.optional else "+"
    return "?" if positional.optional else None


def _add(section: Any, flag: Flag) -> None:
    section.add_argument(
        *_spellings(flag),
        dest=flag.name,
        nargs="?" if flag.boolean else "*" if flag.several else None,
        metavar=flag.metavar or ("True|False" if flag.boolean else "NAME" if flag.choices else flag.type_name.upper()),
        help=_help(flag).replace("%", "%%"),
    )


def _spellings(flag: Flag) -> list[str]:
    return [flag.short] * bool(flag.short) + [f"--{name}" for name in (flag.name, *flag.aliases)]


def _help(flag: Flag) -> str:
    choices = f"; one of {', '.join(flag.choices)}" if flag.choices else ""
    default = "" if flag.default is None or flag.default == () else f" [default: {spell(flag.default)}]"
    note = f" [{flag.note}]" if flag.note else ""
    return f"{flag.meaning}{choices}{default}{note}"


def _join_booleans(argv: Sequence[str], flags: Sequence[Flag]) -> list[str]:
    """Writes `--offline True` and a bare `--offline` as `--offline=True`, so that no boolean swallows a positional."""
    spellings = {spelling: f"--{flag.name}" for flag in flags if flag.boolean for spelling in _spellings(flag)}
    joined: list[str] = []
    position = 0
    while position < len(argv):
        word = argv[position]
        position += 1
        if word in spellings:
            following = argv[position].casefold() if position < len(argv) else ""
            valued = following in TRUE | FALSE | {"none"}
            word = f"{spellings[word]}={argv[position] if valued else True}"
            position += valued
        joined.append(word)
    return joined
