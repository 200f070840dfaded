"""A pipeline.yaml says what a verdict is asked about; what is wrong in it is said, and what is missing is not asked."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import MissingInput, UsageError
from pipelines.verdict.claims import Name
from pipelines.verdict.declaration import Declaration
from pipelines.verdict.waivers import Waiver


def write(folder: Path, text: str) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    """Names, pipeline, Riva version, targets and waivers."""
    text = """
    checkpoint: {path: model.nemo}
    pipeline: speech_recognition
    language: en-US
    export: {riva-version: 2.18.0}
    builds: {streaming: {name: asr-16k}, offline: {}}
    targets: [cpu]
    waivers: [{advisory: CVE-2025-23242, expires: 2027-01-31, reason: "closed: network"}]
    """

    declaration = Declaration.read(write(tmp_path, text))

    assert declaration == Declaration(
        names=(
            Name(tmp_path.name, "folder"),
            Name("asr-16k", "builds.streaming.name of pipeline.yaml"),
            Name("en-US", "language of pipeline.yaml", language=True),
        ),
        pipeline="speech_recognition",
        riva_version="2.18.0",
        targets=("cpu",),
        waivers=(Waiver(advisory="CVE-2025-23242", expires=date(2027, 1, 31), reason="closed: network"),),
    )


@pytest.mark.parametrize("text", ["", "[]", "builds: 7\nlanguage: [1]\ntargets: cpu\nwaivers: none\nexport: 1"])
def test_what_is_not_there_is_not_asked(tmp_path: Path, text: str) -> None:
    """Values of other types are the business of the schema, not of the verdict."""
    assert Declaration.read(write(tmp_path, text)) == Declaration(names=(Name(tmp_path.name, "folder"),))


@pytest.mark.parametrize("text", ["a: [", "waivers: [{advisory: CVE-1}]", "waivers: [1]", "\xff: !!python/none"])
def test_what_cannot_be_understood_is_said(tmp_path: Path, text: str) -> None:
    """Broken YAML and waivers without all their parts are mistakes of the person who wrote them."""
    with pytest.raises(UsageError, match=r"pipeline\.yaml"):
        Declaration.read(write(tmp_path, text))


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A wrong --declaration is not passed over."""
    with pytest.raises(MissingInput):
        Declaration.read(tmp_path / "pipeline.yaml")
