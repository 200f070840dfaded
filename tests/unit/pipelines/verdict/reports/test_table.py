"""The table says what a checkpoint is, where it works, and what to do about what stands against it."""

import io
import re
from pathlib import Path

from rich.console import Console

from pipelines.verdict.reports.table import show
from pipelines.verdict.verdict import Verdict, judge
from tests.nemo_checkpoints import config, write_nemo


def shown(verdict: Verdict, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(verdict, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_good_checkpoint(tmp_path: Path) -> None:
    """Facts, the matrix of versions and targets, the count, and the reasons of the others once each."""
    text = shown(judge(write_nemo(tmp_path / "a.nemo")))

    assert text.startswith(f"{tmp_path / 'a.nemo'}: works (Riva 2.19.0 on cpu)\n")
    assert "2.17.0  works with a waiver  unknown " in text
    assert "of 12 versions and targets: 3 works, 8 works with a waiver, 1 unknown" in text
    assert text.count("CVE-2025-23242 is about this version") == 1
    assert "elsewhere  2.17.0 on x86-gpu: no source names the server image" in text


def test_findings_say_what_to_do(tmp_path: Path) -> None:
    """What, where, why, fix and the id of the rule; the same finding for several versions once."""
    path = write_nemo(tmp_path / "a.nemo", config(decoding={"lm": "nemo:lm.bin"}))

    text = shown(judge(path, riva_versions=["2.16", "2.18"]))

    for part in ("does not work  ", "lm.bin", "[artifact-present]", "where", "why", "fix", "Riva 2.16.0, Riva 2.18.0"):
        assert part in text
    assert "elsewhere  2.17.0: CVE-2025-23242" in text


def test_names_are_no_markup(tmp_path: Path) -> None:
    """Brackets in the names of a hostile checkpoint are shown, not taken for colours."""
    path = write_nemo(tmp_path / "[red]a.nemo", config(nemo_version="[bold]3[/bold]"))

    text = shown(judge(path))

    assert "[red]a.nemo" in text
    assert re.search(r"saved by +NeMo \[bold\]3\[/bold\]", text)


def test_narrow_terminals_lose_nothing(tmp_path: Path) -> None:
    """At 60 columns lines fold; none is cut."""
    text = shown(judge(write_nemo(tmp_path / "a.nemo", config(decoder={}))), width=60)

    assert "…" not in text
    assert max(map(len, text.splitlines()[1:])) <= 60
