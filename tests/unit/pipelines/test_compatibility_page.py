"""COMPATIBILITY.md is what the table says."""

from pathlib import Path

import pytest

from pipelines import compatibility_page
from pipelines.compatibility import compatibility
from pipelines.compatibility_page import PAGE, main, page


def test_the_page_is_current() -> None:
    """After a change of the table or of what a room serves: `python -m pipelines.compatibility_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_row() -> None:
    """Each version, class, known bad pair and advisory stands on it, and unknown is written as such."""
    text = page()
    table = compatibility()

    assert all(f"**{version}**" in text for version in table.versions)
    assert all(f"`{name.removeprefix('nemo.collections.')}`" in text for name in table.classes)
    assert all(f"`{pair.id}`" in text for pair in table.known_bad)
    assert all(f"[{advisory.id}]({advisory.link})" in text for advisory in table.advisories)
    assert "**[unknown](https://" in text
    assert "None" not in text


def test_the_generator_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes the same text."""
    monkeypatch.setattr(compatibility_page, "PAGE", tmp_path / "page.md")

    assert main([]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page()
