"""A tool's command line is understood whole, and complained of whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from pipelines.cli.command_line import CommandLine, Positional
from pipelines.cli.flags import component, flag, flags_of, value_of
from pipelines.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Ears:
    """A component."""

    start_history: int = flag(300, "window for the start", metavar="MS", aliases=("old.start_history",))
    loud: bool = flag(False, "100 % loud")


@dataclass(frozen=True, kw_only=True)
class Options:
    """One flag of every type."""

    riva_uri: str = flag("0.0.0.0:50051", "address", name="riva-uri")
    key: Path | None = flag(None, "a file")
    ratio: float | None = flag(1.5, "a number")
    kind: Literal["greedy", "flashlight"] = flag("greedy", "decoder")
    offline: bool = flag(False, "whole files")
    autocast: bool | None = flag(None, "half precision")
    force: bool = flag(False, "replace", short="-f")
    settings: tuple[str, ...] = flag((), "pairs", metavar="KEY=VALUE")
    ears: Ears = component(Ears)


LINE = CommandLine("tool", "Does it.", Options, [Positional("OUT", "output"), Positional("IN", "input", many=True)])


@pytest.mark.parametrize(
    ("argv", "name", "expected"),
    [
        (["--riva-uri=a:1"], "riva-uri", "a:1"),
        (["--riva-uri", "a:1"], "riva-uri", "a:1"),
        (["--key", "secret"], "key", Path("secret")),
        (["--key=None"], "key", None),
        (["--ratio", "-2.5"], "ratio", -2.5),
        (["--ratio=20."], "ratio", 20.0),
        (["--ratio=None"], "ratio", None),
        (["--kind=Flashlight"], "kind", "flashlight"),
        (["--offline"], "offline", True),
        (["--offline=True"], "offline", True),
        (["--offline", "false"], "offline", False),
        (["--autocast=true"], "autocast", True),
        (["-f"], "force", True),
        (["--force"], "force", True),
        (["--ears.start_history=-16"], "ears.start_history", -16),
        (["--ears.start_history", "-2"], "ears.start_history", -2),
        (["--old.start_history", "4"], "ears.start_history", 4),
        (["--ears.loud"], "ears.loud", True),
        (["--offline", "--offline=False"], "offline", False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_flags_are_understood_wherever_they_stand(argv, name, expected, place):
    """Every spelling of a value is understood before, between and after the positionals."""
    words = {"before": [*argv, "out", "a", "b"], "between": ["out", *argv, "a", "b"], "after": ["out", "a", "b", *argv]}

    parsed = LINE.parse(words[place])

    declared = next(f for f in flags_of(Options) if f.name == name)
    assert expected == value_of(parsed.options, declared)
    assert {name} == parsed.given
    assert parsed.words == {"OUT": ("out",), "IN": ("a", "b")}


def test_several_words_of_one_flag():
    """A tuple flag takes words up to the next flag."""
    parsed = LINE.parse(["out", "in", "--settings", "a=1", "b=2", "--offline"])

    assert parsed.options.settings == ("a=1", "b=2")


def test_nothing_given_means_defaults():
    """A flag that was not typed has its default and is not counted as given."""
    parsed = LINE.parse(["out", "in"])

    assert Options() == parsed.options
    assert frozenset() == parsed.given


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--ears.start_histori=3"], "unknown option --ears.start_histori (did you mean --ears.start_history"),
        (["--zzz", "value"], "unknown option --zzz\n"),
        (["--offlin"], "did you mean --offline?"),
        (["--zzz"], "unknown option --zzz"),
        (["--off"], "unknown option --off"),
        (["--ears.start_history=3.5"], "--ears.start_history: expected a whole number, got '3.5'"),
        (["--ears.start_history=None"], "--ears.start_history: expected a whole number, got 'None'"),
        (["--ratio=nan"], "--ratio: expected a number, got 'nan'"),
        (["--kind=beam"], "expected one of greedy, flashlight, got 'beam'"),
        (["--offline=maybe"], "--offline: expected True or False, got 'maybe'"),
        (["--riva-uri"], "expected one argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_flags_are_usage_errors(argv, complaint):
    """What cannot be understood is named, with what was expected; nothing is guessed from a prefix."""
    with pytest.raises(UsageError) as caught:
        LINE.parse(["out", "in", *argv])

    assert complaint in str(caught.value)


def test_all_problems_are_reported_together():
    """A command line with three mistakes is told three mistakes."""
    with pytest.raises(UsageError) as caught:
        LINE.parse(["out", "in", "--zzz=1", "--ratio=x", "--kind=y"])

    assert all(part in str(caught.value) for part in ("--zzz", "--ratio", "--kind"))


def test_missing_positionals_are_usage_errors():
    """Too few words are told by name."""
    with pytest.raises(UsageError, match="IN"):
        LINE.parse(["out"])


def test_help_tells_each_flag(capsys):
    """Help names every flag with meaning and default, percent signs included, and exits 0."""
    with pytest.raises(SystemExit) as caught:
        LINE.parse(["--help"])

    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert all(f"--{f.name}" in text and f.meaning in text for f in flags_of(Options))
    assert "[default: 300]" in text


@dataclass(frozen=True, kw_only=True)
class Common:
    """Flags that a tool has whatever the rest."""

    verbose: bool = flag(False, "say more")


def test_several_dataclasses_share_a_command_line():
    """Flags of a further dataclass are read apart from the tool's own options."""
    line = CommandLine("tool", "Does it.", Options, [Positional("IN", "input")], also=[Common])

    parsed = line.parse(["in", "--verbose", "--offline"])

    assert Common(verbose=True) == parsed.read(Common)
    assert Options(offline=True) == parsed.options
    assert frozenset({"verbose", "offline"}) == parsed.given


def test_a_boolean_never_swallows_a_file():
    """`--offline out in` is a bare flag and two files; only a word that spells a boolean is its value."""
    assert LINE.parse(["--offline", "out", "in"]).words["OUT"] == ("out",)
    assert LINE.parse(["--offline", "false", "out", "in"]).words["OUT"] == ("out",)
    assert LINE.parse(["", "in"]).words["OUT"] == ("",)
