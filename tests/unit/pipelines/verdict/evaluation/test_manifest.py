"""A manifest is read line by line, and a line that is wrong is named."""

from pathlib import Path

import pytest

from pipelines.verdict.evaluation.manifest import Entry, read_manifest
from pipelines.verdict.findings import Finding
from tests.unit.pipelines.verdict.evaluation_sets import line, write_set


def wrong(folder: Path, *, spoken: bool = True) -> list[tuple[str, str]]:
    return [(each.where, each.what) for each in read_manifest(folder, spoken=spoken) if isinstance(each, Finding)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "not a JSON object"),
        ("[1]", "a JSON object was expected, got list"),
        ('{"audio_filepath": "a.wav"}', "no `text`"),
        ('{"text": "a"}', "no `audio_filepath`"),
        ('{"text": 5, "audio_filepath": "a.wav"}', "no `text`"),
        ("[" * 100_000, "not a JSON object"),
    ],
    ids=["cut", "list", "no-text", "no-audio", "number", "deep"],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path: Path, text: str, what: str) -> None:
    """The others are read; empty lines do not count."""
    write_set(tmp_path / "evaluation", {}, line("b.wav"), "", text, line("c.wav"))

    ((where, found),) = wrong(tmp_path / "evaluation")

    assert where == "evaluation/manifest.json:3"
    assert what in found


@pytest.mark.parametrize("text", [None, "", "\n\n"], ids=["missing", "empty", "blank"])
def test_a_manifest_without_lines_is_one_finding(tmp_path: Path, text: str | None) -> None:
    """Nobody is judged on nothing."""
    if text is not None:
        (tmp_path / "manifest.json").write_text(text, encoding="utf-8")

    assert len(wrong(tmp_path)) == 1


def test_a_line_says_where_its_recording_is(tmp_path: Path) -> None:
    """Paths count from the manifest's folder; duration and language tags are taken if they are there."""
    write_set(tmp_path, {}, line("a.wav", "hello", duration=1.5, lang="en-US"))

    (entry,) = read_manifest(tmp_path, spoken=True)

    assert isinstance(entry, Entry)
    assert (entry.audio, entry.duration, entry.languages) == (tmp_path / "a.wav", 1.5, ("en-US",))


def test_a_text_evaluation_needs_no_recording(tmp_path: Path) -> None:
    """Plain and punctuated text make a line for a model that takes text."""
    write_set(tmp_path, {}, {"text": "hello", "punctuated": "Hello."}, {"text": "hello"})

    assert wrong(tmp_path, spoken=False) == [(f"{tmp_path.name}/manifest.json:2", "the line has no `punctuated`")]
