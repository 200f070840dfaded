"""Schemas say how a class is exported and what its archive holds; those of upstream are understood."""

from pathlib import Path

import pytest

from pipelines.archive.schema import Export, Schema
from pipelines.errors import MissingInput, UsageError

SCHEMA = """
metadata:
  - obj_cls: a.Model
  - min_nemo_version: 1.1
artifact_properties:
  - model_config.yaml
  - model_graph.onnx:
      onnx: True
      autocast: True
      max_dim: 100000
artifact_content:
  - model_config.yaml:
    - decoder.vocabulary
    - tokenizer.model_path: True
"""
ARTIFACTS = {"model_config.yaml": {}, "model_graph.onnx": {"onnx": True}, "t.model": {}}
CONFIG = {"decoder": {"vocabulary": ["a"]}, "tokenizer": {"model_path": "nemo:t.model"}}


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    return Schema.load(tmp_path / "schema.yaml")


def test_export_instructions_are_read(schema: Schema) -> None:
    """The attributes of a graph say how it is exported."""
    assert schema.exports == (Export(name="model_graph.onnx", autocast=True, max_dim=100000),)
    assert schema.min_nemo_version == "1.1"


def test_a_whole_archive_has_no_violations(schema: Schema) -> None:
    """Instructions such as `autocast` are not mistaken for facts about the archive."""
    assert list(schema.violations({"obj_cls": "a.Model"}, ARTIFACTS, CONFIG)) == []


@pytest.mark.parametrize(
    ("metadata", "artifacts", "config", "expected"),
    [
        ({"obj_cls": "b.Model"}, ARTIFACTS, CONFIG, "obj_cls is b.Model"),
        ({"obj_cls": "a.Model"}, {**ARTIFACTS, "model_graph.onnx": {}}, CONFIG, "onnx is None, expected True"),
        ({"obj_cls": "a.Model"}, ARTIFACTS, {**CONFIG, "decoder": {}}, "decoder.vocabulary is missing"),
        (
            {"obj_cls": "a.Model"},
            {name: facts for name, facts in ARTIFACTS.items() if name != "t.model"},
            CONFIG,
            "names nemo:t.model, which is not in the archive",
        ),
    ],
    ids=["class", "attribute", "content", "file"],
)
def test_violations_say_what_is_missing(
    schema: Schema,
    metadata: dict[str, str],
    artifacts: dict[str, dict[str, bool]],
    config: dict[str, object],
    expected: str,
) -> None:
    """Each thing that a schema asks for is missed by name."""
    (violation,) = schema.violations(metadata, artifacts, config)

    assert expected in violation


def test_what_is_no_schema_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere and a file of another kind get their own messages."""
    (tmp_path / "text.yaml").write_text("just text")

    with pytest.raises(MissingInput, match="there is no schema"):
        Schema.load(tmp_path / "nowhere.yaml")
    with pytest.raises(UsageError, match="is not a schema"):
        Schema.load(tmp_path / "text.yaml")
