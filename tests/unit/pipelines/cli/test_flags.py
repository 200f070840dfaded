"""A flag is declared once; reading, spelling and plain data derive from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.flags import component, flag, flags_of, from_mapping, spell, to_mapping, usage_error


@dataclass(frozen=True, kw_only=True)
class Ears:
    """A component."""

    start_history: int = flag(300, "window for the start")
    loud: bool | None = flag(None, "loud")


@dataclass(frozen=True, kw_only=True)
class Options:
    """One flag of every type."""

    riva_uri: str = flag("0.0.0.0:50051", "address", name="riva-uri")
    key: Path | None = flag(None, "a file")
    ratio: float | None = flag(1.5, "a number")
    kind: Literal["greedy", "flashlight"] | None = flag(None, "decoder")
    offline: bool = flag(False, "whole files")
    ears: Ears = component(Ears)


FLAGS = {f.name: f for f in flags_of(Options)}
PATHS = st.from_regex(r"[a-z]{1,8}(/[a-z.]{1,8}[a-z])?", fullmatch=True).map(Path)
OPTIONS = st.builds(
    Options,
    riva_uri=st.text(),
    key=st.none() | PATHS,
    ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    kind=st.none() | st.sampled_from(["greedy", "flashlight"]),
    offline=st.booleans(),
    ears=st.builds(Ears, start_history=st.integers(), loud=st.none() | st.booleans()),
)


def test_names_types_and_choices_come_from_the_declaration():
    """Names are those of fields unless given, components add a prefix; the type says what a table shows."""
    assert list(FLAGS) == ["riva-uri", "key", "ratio", "kind", "offline", "ears.start_history", "ears.loud"]
    assert [f.type_name for f in FLAGS.values()] == [
        "str",
        "path",
        "float",
        "greedy / flashlight",
        "bool",
        "int",
        "bool",
    ]
    assert FLAGS["kind"].choices == ("greedy", "flashlight")


@given(OPTIONS)
def test_plain_data_makes_the_same_options(options):
    """Options written as plain data and read back are equal."""
    assert options == from_mapping(Options, to_mapping(options))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans())
def test_a_spelled_value_reads_back(value):
    """A number or a boolean, spelled as on a command line, reads back as itself."""
    reader = {bool: "offline", int: "ears.start_history", float: "ratio"}[type(value)]

    assert value == FLAGS[reader].read(spell(value))


def test_whole_floats_are_spelled_without_a_point():
    """40.0 is spelled 40, as people type it."""
    assert spell(40.0) == "40"


def test_unknown_names_are_refused():
    """Data that names a flag which is not declared is not taken in silence."""
    with pytest.raises(KeyError):
        from_mapping(Options, {"nose": 1})


def test_one_problem_stands_in_one_line():
    """A single problem is the message; several are counted and listed."""
    assert usage_error(["a"], fix="f").what == "a"
    assert usage_error(["a", "b"], fix="f").what == "2 problems with the options:\n  - a\n  - b"
