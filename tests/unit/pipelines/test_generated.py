"""Generated pages: tables that Markdown reads as they were meant, written by a command."""

from pathlib import Path

import pytest

from pipelines.generated import table, write_page


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    """A value such as `cpu|jetson` stays in its column."""
    assert list(table(("a", "b"), [("cpu|jetson", "1")])) == ["| a | b |", "|---|---|", "| cpu&#124;jetson | 1 |"]


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that whoever runs all generators sees which files may have changed."""
    page = tmp_path / "PAGE.md"

    assert write_page(page, lambda: "text\n", []) == 0
    assert page.read_text(encoding="utf-8") == "text\n"
    assert f"wrote {page}" in capsys.readouterr().out
