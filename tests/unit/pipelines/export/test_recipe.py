"""How the schema, the options and the installed NeMo decide about an export."""

from pathlib import Path

import pytest

from pipelines.archive.schema import Export
from pipelines.errors import UsageError
from pipelines.export import recipe
from pipelines.export.options import ExportOptions
from pipelines.export.recipe import export_config, memory_limit, recipe_of
from pipelines.speech_recognition import PIPELINE
from pipelines.speech_recognition.checkpoint import CTC, CTC_BPE
from pipelines.verdict.needs import Needs


def test_the_schema_decides_where_no_option_does() -> None:
    """Subword models are traced as their schema says; options come before it."""
    given = ExportOptions(autocast=False, max_dim=1000, export_subnet="encoder")

    assert recipe_of(PIPELINE.schema_of(CTC_BPE), ExportOptions()) == Export(autocast=True, max_dim=100000)
    assert recipe_of(PIPELINE.schema_of(CTC_BPE), given) == Export(subnet="encoder", max_dim=1000)
    assert recipe_of(PIPELINE.schema_of(CTC), ExportOptions()) == Export()


def test_two_parts_cannot_be_asked_for(tmp_path: Path) -> None:
    """A schema that names a part and --export-subnet contradict each other."""
    (tmp_path / "s.yaml").write_text("artifact_properties: [{model_graph.onnx: {export_subnet: encoder}}]")
    schema = recipe.Schema.load(tmp_path / "s.yaml")

    assert recipe_of(schema, ExportOptions()).subnet == "encoder"
    with pytest.raises(UsageError, match="Can't combine"):
        recipe_of(schema, ExportOptions(export_subnet="decoder"))


def test_export_config_is_read() -> None:
    """KEY=VALUE entries stay strings, as upstream passes them."""
    assert export_config(ExportOptions(export_config=("a=1", "b=x"))) == {"a": "1", "b": "x"}


def test_the_memory_limit_follows_the_model() -> None:
    """A larger model may have more; an option comes before that; examples of a chosen size may have the machine's."""
    small, large = (Needs(export_memory=size, serve_memory=0, disk=0) for size in (2_000_000_000, 9_000_000_000))
    limit = memory_limit(ExportOptions(), small)

    assert 2 * small.export_memory < limit < memory_limit(ExportOptions(), large)
    assert memory_limit(ExportOptions(memory_limit="3GB"), large) == 3_000_000_000
    machine = memory_limit(ExportOptions(max_dim=100_000), small)
    assert machine == memory_limit(ExportOptions(), None) > 1 << 28
