"""Punctuation checkpoints become graphs that compute what NeMo computed, without NeMo; broken ones are refused.

What NeMo computed was recorded when the sample was made (scripts/samples/punctuation/record.py).
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import BrokenCheckpoint, ExportFailed, UsageError
from pipelines.export.job import Comparison, ExportJob, NemoExport
from pipelines.punctuation.checkpoint import config_for_nemo
from pipelines.punctuation.contents import Encoder
from tests.punctuation_checkpoints import ENCODER, MEMBERS, config

pytestmark = pytest.mark.export
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore")]  # type: ignore[assignment]  # the libraries warn

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "checkpoints/punctuation-en-US/model.nemo"
RECORDINGS = ROOT / "tests/assets/punctuation-en-US"
TOLERANCE = 1e-4  # of logits, as recorded


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)  # the models are tiny: threads would only wait for each other


def job_in(work: Path, **changes: Any) -> ExportJob:
    """What the stage asks of the export of the checkpoint that is unpacked in `work`."""
    job = ExportJob(
        pipeline="punctuation",
        archive="unused: it is unpacked already",
        checkpoint=str(work / "checkpoint"),
        class_name="PunctuationCapitalizationModel",
        graph=str(work / "model_graph.onnx"),
        reference=str(work / "reference.npz"),
        device="cpu",
    )
    return replace(job, **changes)


def unpack_sample(work: Path) -> ExportJob:
    with NemoCheckpoint.open(SAMPLE) as checkpoint:
        checkpoint.unpack(work / "checkpoint")
    return job_in(work)


def write_checkpoint(
    work: Path, *, heads: tuple[int, int] = (1, 1), activation: str = "relu", **changes: Any
) -> ExportJob:
    """A tiny checkpoint with random weights under NeMo's names; `changes` go into its weights, None removes one."""
    import torch
    import yaml

    from pipelines.punctuation.network import PunctuationNetwork

    folder = work / "checkpoint"
    folder.mkdir()
    for name, content in MEMBERS.items():
        (folder / name).write_bytes(content)
    head = {"activation": activation}
    configuration = config_for_nemo(config(punct_head=head, capit_head=head))
    (folder / "model_config.yaml").write_text(yaml.safe_dump(configuration))
    shape = {name: ENCODER[name] for name in Encoder.__dataclass_fields__}
    torch.manual_seed(0)
    network = PunctuationNetwork(Encoder(**shape), classes=(4, 2), layers=heads, activations=(activation, activation))
    weights = {
        **network.state_dict(),
        "bert_model.pooler.dense.weight": torch.zeros(8, 8),
        "bert_model.embeddings.position_ids": torch.arange(32)[None],
        **changes,
    }
    torch.save({name: tensor for name, tensor in weights.items() if tensor is not None}, folder / "model_weights.ckpt")
    return job_in(work)


def export(job: ExportJob) -> tuple[NemoExport, Comparison]:
    from pipelines.export.comparison import compare
    from pipelines.export.reference import write_reference
    from pipelines.export.worker import export_graph

    write_reference(job)
    exported = export_graph(job)
    return exported, compare(Path(job.graph), Path(job.reference), whole=True)


def recordings() -> list[dict[str, np.ndarray[Any, Any]]]:
    arrays = np.load(RECORDINGS / "logits.npz")
    count = len((RECORDINGS / "recordings.json").read_text(encoding="utf-8").splitlines())
    names = ("input_ids", "attention_mask", "punct_logits", "capit_logits")
    return [{name: arrays[f"{line}/{name}"] for name in names} for line in range(count)]


def test_logits_are_those_that_nemo_recorded(tmp_path: Path) -> None:
    """In the rebuilt network and in its graph, for each window that NeMo itself made of a text, padding apart."""
    import onnxruntime
    import torch

    from pipelines.punctuation.network import restore

    job = unpack_sample(tmp_path)
    export(job)
    network, session = restore(job).eval(), onnxruntime.InferenceSession(job.graph)
    recorded = recordings()
    for window in recorded:
        kept = window["attention_mask"] > 0
        names = ("input_ids", "attention_mask")
        inputs = {name: window[name].astype(np.int64) for name in names}
        inputs["token_type_ids"] = np.zeros_like(inputs["input_ids"])
        with torch.inference_mode():
            rebuilt = [logits.numpy() for logits in network(*map(torch.from_numpy, inputs.values()))]
        for found in (rebuilt, session.run(None, inputs)):
            for logits, name in zip(found, ("punct_logits", "capit_logits"), strict=True):
                assert np.abs(logits - window[name])[kept].max() < TOLERANCE

    assert len(recorded) >= 30
    assert sum(len(window["input_ids"]) > 1 for window in recorded) >= 3


def test_the_graph_computes_what_the_checkpoint_computes(tmp_path: Path) -> None:
    """Alone, in equal batches and in padded ones, with the names, types and free sizes that Riva's graph has."""
    exported, compared = export(unpack_sample(tmp_path))

    assert compared.padded_error is not None
    assert max(compared.single_error, compared.equal_error, compared.padded_error) < TOLERANCE
    assert (compared.opset, compared.ir_version) == (16, 8)
    assert [(fact["name"], fact["dtype"], fact["shape"]) for fact in compared.inputs] == [
        ("input_ids", "int64", [-1, -1]),
        ("attention_mask", "int64", [-1, -1]),
        ("token_type_ids", "int64", [-1, -1]),
    ]
    assert [(fact["name"], fact["dtype"], fact["shape"]) for fact in compared.outputs] == [
        ("punct_logits", "float32", [-1, -1, 4]),
        ("capit_logits", "float32", [-1, -1, 2]),
    ]
    assert all(given == answered for given, answered in compared.lengths)
    assert len({given for given, _ in compared.lengths}) >= 4
    assert exported.facts == {"max_tokens": 256}
    assert 400_000 < exported.parameters < 700_000


def test_heads_may_have_layers(tmp_path: Path) -> None:
    """A head of three layers is told by its weights; what stands between them, by the configuration."""
    job = write_checkpoint(tmp_path, heads=(3, 2), activation="tanh")

    _, compared = export(job)

    assert max(compared.single_error, compared.equal_error) < TOLERANCE
    assert b"Tanh" in Path(job.graph).read_bytes()


def test_weights_in_half_precision_are_taken(tmp_path: Path) -> None:
    """They are what they are in single precision."""
    import torch

    from pipelines.punctuation.network import restore

    name = "punct_classifier.mlp.layer0.weight"
    half = torch.full((4, 8), 0.1, dtype=torch.float16)

    restored = restore(write_checkpoint(tmp_path, **{name: half})).state_dict()[name]

    assert restored.dtype == torch.float32
    assert torch.equal(restored, half.float())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"punct_classifier.mlp.layer0.weight": (3, 8)},
            r"punct_labels_file has 4 labels \(O , \. \?\), .*gives 3 val",
        ),
        ({"capit_classifier.mlp.layer0.weight": None}, r"capit_labels_file has 2 labels .* is not in the weights"),
        ({"bert_model.embeddings.word_embeddings.weight": (9, 8)}, r"has shape \[9, 8\], expected \[10, 8\]"),
        ({"bert_model.encoder.layer.0.output.dense.bias": None}, r"output\.dense\.bias is missing"),
        ({"classifier.mlp.layer0.weight": (2, 8)}, r"classifier\.mlp\.layer0\.weight is not part of it"),
    ],
    ids=["labels", "no head", "vocabulary", "missing", "another head"],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, changes: Mapping[str, tuple[int, int] | None], message: str
) -> None:
    """The message names the tensor, or the label file and its head."""
    import torch

    from pipelines.punctuation.network import restore

    tensors = {name: torch.zeros(shape) if shape else None for name, shape in changes.items()}

    with pytest.raises(BrokenCheckpoint, match=message):
        restore(write_checkpoint(tmp_path, **tensors))


def test_weights_that_run_code_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says about it."""
    import torch

    from pipelines.punctuation.network import restore

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    job = write_checkpoint(tmp_path)
    torch.save({"weight": Path("x")}, Path(job.checkpoint) / "model_weights.ckpt")

    with pytest.raises(BrokenCheckpoint, match="could not restore"):
        restore(job)


def test_the_written_opset_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that writes another opset than it was asked for is found out."""
    import torch

    honest = torch.onnx.export
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **more: honest(*args, **{**more, "opset_version": 17}))

    with pytest.raises(ExportFailed, match="wrote opset 17, asked was 16"):
        export(write_checkpoint(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"subnet": "bert_model"}, "--export-subnet and --export-config are NeMo's own"),
        ({"export_config": {"a": "b"}}, "--export-subnet and --export-config are NeMo's own"),
        ({"max_dim": 33}, "--max-dim 33: the model has 32 positions"),
    ],
    ids=["part", "configuration", "too long"],
)
def test_what_nemo_would_do_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """Options that mean nothing without NeMo end in an error, not in another graph than was asked for."""
    from pipelines.export.worker import export_graph

    with pytest.raises(UsageError, match=message):
        export_graph(replace(write_checkpoint(tmp_path), **changes))


def test_the_command_makes_an_archive(tmp_path: Path) -> None:
    """nemo2riva takes the sample through admission and sandbox; the archive has what upstream's schema asks for."""
    command = [sys.executable, "-m", "pipelines.cli.nemo2riva", "--validate", "--out", tmp_path / "out.riva", SAMPLE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    assert "is compliant with Riva" in done.stderr
    with Archive.open(EncryptedPath.parse(str(tmp_path / "out.riva"))) as archive:
        facts = archive.manifest["riva_ci"]
        assert archive.manifest["metadata"]["obj_cls"] == "nemo.collections.nlp.models.PunctuationCapitalizationModel"
        assert {name.partition("_")[2] for name in archive.names()} >= {
            "vocab.txt",
            "punct_label_ids.csv",
            "capit_label_ids.csv",
            "bert-base-uncased_encoder_config.json",
            "graph.onnx",
            "config.yaml",
        }
        assert facts["masks"] is True
        assert facts["max_tokens"] == 256
        assert facts["nemo_version"] == "2.4.1"
        assert set(facts["versions"]) == {"torch", "transformers", "onnx", "onnxruntime"}


def test_recordings_say_what_nemo_answered() -> None:
    """Each text of the recordings has NeMo's answer, which is another text."""
    lines = [json.loads(line) for line in (RECORDINGS / "recordings.json").read_text(encoding="utf-8").splitlines()]

    assert all(line["text"] and line["recorded"] for line in lines)
    assert sum(line["text"] != line["recorded"] for line in lines) > 30
