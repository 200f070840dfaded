"""What the manifest of a `.riva` says."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import BrokenCheckpoint
from pipelines.export.job import Comparison, TensorFact
from pipelines.export.manifest import artifacts, export_facts, metadata
from tests.exports import COMPARISON, EXPORT
from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, config, write_nemo


def comparison(*, length: bool, padded_error: float) -> Comparison:
    names = ["audio_signal", "length"] if length else ["audio_signal"]
    inputs: list[TensorFact] = [{"name": name, "dtype": "float32", "shape": [-1]} for name in names]
    return dataclasses.replace(COMPARISON, inputs=inputs, equal_error=2e-6, padded_error=padded_error)


def test_everything_but_the_weights_is_stored(tmp_path: Path) -> None:
    """The graph comes first; weights and editors' backups stay behind; members keep their path in `conf_path`."""
    members = {TOKENIZER: b"t", "./sub/vocab.txt": b"v", "old.ckpt": b"", "notes~": b"", "model.pt": b""}
    path = write_nemo(tmp_path / "a.nemo", config(CTC_BPE), members=members)

    with NemoCheckpoint.open(path) as checkpoint:
        stored = artifacts(checkpoint, graph_name="model_graph.onnx", graph=tmp_path / "g", encrypt=True)

    assert [member.name for member in stored] == ["model_graph.onnx", "model_config.yaml", TOKENIZER, "vocab.txt"]
    assert [member.encrypt for member in stored] == [True, False, False, False]
    assert stored[0].attributes["description"] == "Exported model"
    assert stored[3].attributes == {"conf_path": "sub/vocab.txt", "path_type": "TAR_PATH"}


def test_the_patched_configuration_is_stored(tmp_path: Path) -> None:
    """A character model saved with `num_classes: -1` is stored with the number of its tokens."""
    path = write_nemo(tmp_path / "a.nemo", config(decoder={"num_classes": -1, "vocabulary": ["a", "b"]}))

    with NemoCheckpoint.open(path) as checkpoint:
        _, stored = artifacts(checkpoint, graph_name="model_graph.onnx", graph=tmp_path / "g", encrypt=False)
        assert yaml.safe_load(stored.open().read())["decoder"]["num_classes"] == 2


def test_members_that_would_overwrite_another_are_refused(tmp_path: Path) -> None:
    """Artifacts are named by the base name of a member, so it must be unique."""
    path = write_nemo(tmp_path / "a.nemo", members={"a/vocab.txt": b"", "b/vocab.txt": b""})

    with NemoCheckpoint.open(path) as checkpoint, pytest.raises(BrokenCheckpoint, match=r"vocab\.txt"):
        artifacts(checkpoint, graph_name="model_graph.onnx", graph=tmp_path / "g", encrypt=False)


def test_the_metadata_is_that_of_upstream(tmp_path: Path) -> None:
    """Class, format and runtime are said as nemo2riva says them; an older manifest's facts are kept."""
    old = yaml.safe_dump({"metadata": {"maker": "EFF", "format_version": 1}}).encode()

    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo", members={"manifest.yaml": old})) as checkpoint:
        found = metadata(checkpoint)

    assert found == {
        "maker": "EFF",
        "description": "Exported Nemo Model",
        "format_version": 3,
        "has_pytorch_checkpoint": False,
        "obj_cls": "nemo.collections.asr.models.EncDecCTCModel",
        "min_nemo_version": "1.3",
        "onnx": True,
        "onnx_archive_format": 1,
        "runtime": "ONNX",
    }


@pytest.mark.parametrize(
    ("length", "padded_error", "masks"),
    [(True, 1e-5, True), (True, 0.5, False), (False, 1e-5, False), (True, float("inf"), False)],
    ids=["kept", "lost", "no_length", "crashed"],
)
def test_masks_are_a_fact(tmp_path: Path, length: bool, padded_error: float, masks: bool) -> None:
    """Only a graph that is told the lengths and agrees in a padded batch may be served padded."""
    with NemoCheckpoint.open(write_nemo(tmp_path / "a.nemo")) as checkpoint:
        facts = export_facts(checkpoint, EXPORT, comparison(length=length, padded_error=padded_error), tolerance=1e-3)

    assert facts["masks"] is masks
    assert facts["stride_ms"] == 40
    assert facts["max_error"] == 2e-6
