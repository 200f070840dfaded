"""What a person sees while stages run."""

import pytest

from ci.pipeline.display import Row, as_facts, as_markdown, stage_bar

ROW = Row("export", "words.riva", 2_900_000, "ab" * 32, 12.34, reused=False)


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets one line when a stage begins and one when it is done, no control characters."""
    with stage_bar("words: export") as follow:
        follow("Comparing: 50 %")

    first, second = capsys.readouterr().err.splitlines()
    assert first == "words: export ..."
    assert second.startswith("words: export took ")


def test_report_gets_whole_digests() -> None:
    """The report's table holds the whole sha256; the terminal's only its beginning."""
    assert as_facts([ROW])["Stages"][0]["sha256"] == ROW.sha256
    assert f"| {ROW.sha256[:16]} |" in as_markdown("words", [ROW])


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_900_000, "2.9 MB"), (5_000_000_000_000, "5000.0 GB")],
)
def test_sizes_are_readable(size: int | None, shown: str) -> None:
    """Sizes are in decimal units, as disks and downloads are."""
    row = Row("export", "words.riva", size, "", 1.0, reused=False)

    assert as_facts([row])["Stages"][0]["size"] == shown
