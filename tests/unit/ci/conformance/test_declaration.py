"""`ci.conformance.declaration`: what the `pipeline.yaml` of checkpoints says about their server."""

from pathlib import Path

import pytest

from ci.conformance.declaration import Declaration
from ci.errors import BadYaml


def test_checkpoints_served_together_are_declared_together(tmp_path: Path) -> None:
    """Their models, limits and folders add up; the folders of the others are found beside the first."""
    files = {
        "speech": "pipeline: speech_recognition\nlanguage: en-US\nbuilds: {offline: {}}\nwith: [marks]\n"
        "accuracy: {offline: 0.1}\n",
        "marks": "pipeline: punctuation\nlanguage: en-US\nbuilds: {punctuation: {}}\naccuracy: {punctuation: 0.05}\n",
    }
    for name, text in files.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pipeline.yaml").write_text(text)

    declaration = Declaration.read(tmp_path / "speech" / "pipeline.yaml")

    assert declaration.pipelines == {"speech_recognition", "punctuation"}
    assert declaration.pairs == {("en-US", "offline"), ("en-US", "punctuation")}
    assert declaration.limits == {"offline": 0.1, "punctuation": 0.05}
    assert [folder.name for folder in declaration.folders] == ["speech", "marks"]


def test_a_declaration_of_no_known_mode_is_refused(tmp_path: Path) -> None:
    """With file and line."""
    path = tmp_path / "pipeline.yaml"
    path.write_text("language: en-US\nbuilds:\n  online: {}\n")

    with pytest.raises(BadYaml, match=r"pipeline\.yaml:\d: builds"):
        Declaration.read(path)
