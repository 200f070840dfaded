"""The tables of options in READMEs; that they are current is in `tests/rooms`."""

import pytest

from pipelines.cli.flags import flags_of
from pipelines.option_tables import BEGIN, END, with_table
from pipelines.registry import ALL_PIPELINES, load_pipeline

ROOMS = [name for name, room in ALL_PIPELINES.items() if room]


@pytest.mark.parametrize("name", ROOMS)
def test_every_option_has_a_row(name):
    """The block between the marks is replaced whole and has one row an option; the rest of the README is kept."""
    pipeline = load_pipeline(name)

    text = with_table(f"before\n{BEGIN}\na stale row\n{END}\nafter\n", pipeline)

    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "a stale row" not in text
    for option in flags_of(pipeline.options):
        assert text.count(f"| `--{option.name}`") == 1
