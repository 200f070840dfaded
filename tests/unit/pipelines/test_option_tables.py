"""What a README says of options is what the code says of them."""

import pytest

from pipelines.cli.flags import flags_of
from pipelines.option_tables import BEGIN, END, readme_of, with_table
from pipelines.registry import ALL_PIPELINES, load_pipeline

ROOMS = [name for name, room in ALL_PIPELINES.items() if room]


@pytest.mark.parametrize("name", ROOMS)
def test_the_table_in_the_readme_is_current(name):
    """After a change of an option: `python -m pipelines.option_tables`."""
    readme = readme_of(name).read_text(encoding="utf-8")

    assert readme == with_table(readme, load_pipeline(name))


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
