"""The Markdown for CI says the same as the table, and a hostile checkpoint cannot write on the page."""

from pathlib import Path

from pipelines.verdict.reports.summary import as_markdown
from pipelines.verdict.verdict import judge
from tests.nemo_checkpoints import config, write_nemo


def test_outcome_facts_and_places(tmp_path: Path) -> None:
    """A headline with the outcome, a table of facts and one of places."""
    page = as_markdown([judge(write_nemo(tmp_path / "a.nemo"))])

    assert page.startswith(f"### ✅ works: {tmp_path / 'a.nemo'}\n")
    assert "| model | Conformer with CTC |" in page
    assert "| 2.17.0 | ⚠️ works with a waiver | ❔ unknown | ⚠️ works with a waiver |" in page
    assert "1 unknown" in page


def test_findings_link_to_their_rule(tmp_path: Path) -> None:
    """Each finding has its outcome, reason, remedy and upstream link."""
    page = as_markdown([judge(write_nemo(tmp_path / "a.nemo", config(decoder={"num_classes": 3})))])

    assert "- **❌ does not work**" in page
    assert "([`vocabulary-present`](https://" in page
    assert "  - fix: " in page


def test_values_of_a_checkpoint_are_no_markup(tmp_path: Path) -> None:
    """Links, tables and HTML in a configuration arrive as text."""
    page = as_markdown([judge(write_nemo(tmp_path / "a.nemo", config(nemo_version="<img src=x>|[a](http://b)`")))])

    assert "<img" not in page
    assert "[a](http" not in page
    assert "&lt;img src=x&gt;&#124;\\[a\\]" in page
