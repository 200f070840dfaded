"""Whatever is typed for a room's options is understood, and recorded such that it reads back the same."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.cli.flags import Flag, flags_of, from_mapping, spell, to_mapping
from pipelines.cli.riva_build import command_line
from pipelines.contract import Pipeline
from pipelines.registry import rooms


def values(option: Flag) -> st.SearchStrategy[Any]:
    """Values that an option may be typed with."""
    plain: dict[str, st.SearchStrategy[Any]] = {
        "int": st.integers(-(10**6), 10**6),
        "float": st.floats(-1e6, 1e6),
        "bool": st.booleans(),
        "str": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._=:-]{0,20}", fullmatch=True),
        "path": st.from_regex(r"[a-z]{1,9}(/[a-z ]{0,9}[a-z])?\.(bin|txt|far)", fullmatch=True).map(Path),
    }
    return st.sampled_from(option.choices) if option.choices else plain[option.type_name]


@pytest.mark.parametrize("room", list(rooms()), ids=lambda room: room.name)
@settings(suppress_health_check=list(HealthCheck), max_examples=50, deadline=None)
@given(data=st.data())
def test_typed_options_are_the_recorded_ones(room: Pipeline[Any], data: st.DataObject) -> None:
    """In the form `--name=value`, in any combination."""
    optional = {option.name: values(option) for option in flags_of(room.options)}
    typed = data.draw(st.fixed_dictionaries({}, optional=optional))

    parsed = command_line(room).parse(["out", *(f"--{name}={spell(value)}" for name, value in typed.items()), "in"])

    assert parsed.given == set(typed)
    assert parsed.options == from_mapping(room.options, typed)
    assert parsed.options == from_mapping(room.options, to_mapping(parsed.options))
