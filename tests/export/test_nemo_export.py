"""Real NeMo models with random weights become graphs that compute the same, and broken ones are refused.

NeMo is imported once, here; the models are exported in this process, except where the command itself is the subject.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipelines.archive.archive import Archive
from pipelines.archive.encrypted_path import EncryptedPath
from pipelines.archive.nemo import NemoCheckpoint
from pipelines.errors import UsageError
from pipelines.export.job import Comparison, ExportJob, NemoExport
from pipelines.speech_recognition.checkpoint import receptive_field
from pipelines.verdict.clean import write_clean

pytestmark = pytest.mark.export
pytestmark = [pytestmark, pytest.mark.filterwarnings("ignore")]  # type: ignore[assignment]  # NeMo's imports warn

VOCABULARY = [" ", *"abcdefghijklmnopqrstuvwxyz'"]
TOLERANCE = 1e-4


def jasper(filters: int, kernel: int, *, stride: int = 1, **more: Any) -> dict[str, Any]:
    block = {"filters": filters, "repeat": 2, "kernel": [kernel], "stride": [stride], "dilation": [1], "dropout": 0.0}
    return {**block, "residual": stride == 1, "separable": True, "stride_last": True, **more}


def convolutional(*blocks: dict[str, Any]) -> dict[str, Any]:
    encoder = {"_target_": "nemo.collections.asr.modules.ConvASREncoder", "feat_in": 64, "activation": "relu"}
    return {**encoder, "conv_mask": True, "jasper": list(blocks)}


def conformer(**more: Any) -> dict[str, Any]:
    encoder = {"_target_": "nemo.collections.asr.modules.ConformerEncoder", "feat_in": 64, "n_layers": 2}
    return {**encoder, "d_model": 32, "n_heads": 2, "conv_kernel_size": 9, "pos_emb_max_len": 500, **more}


ENCODERS = {
    "quartznet": convolutional(jasper(32, 11, stride=2), jasper(32, 9), jasper(32, 5)),
    "jasper": convolutional(jasper(32, 11, stride=2, separable=False), jasper(32, 5, separable=False)),
    "citrinet": convolutional(
        jasper(32, 5, se=True), *(jasper(32, 7, stride=2, se=True, residual=False) for _ in range(3))
    ),
    "conformer": conformer(subsampling="striding", subsampling_factor=4),
    "fastconformer": conformer(subsampling="dw_striding", subsampling_factor=8, subsampling_conv_channels=16),
}
SUBSAMPLING = {"quartznet": 2, "jasper": 2, "citrinet": 8, "conformer": 4, "fastconformer": 8}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained character model of each encoder, saved by NeMo."""
    import torch
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import OmegaConf

    torch.set_num_threads(1)  # the models are tiny: threads would only wait for each other
    folder = tmp_path_factory.mktemp("checkpoints")
    preprocessor = {"_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "dither": 1e-5}
    for name, encoder in ENCODERS.items():
        torch.manual_seed(len(name))
        last = encoder["jasper"][-1]["filters"] if "jasper" in encoder else encoder["d_model"]
        decoder = {"_target_": "nemo.collections.asr.modules.ConvASRDecoder", "feat_in": last}
        config = {
            "sample_rate": 16000,
            "labels": VOCABULARY,
            "preprocessor": {**preprocessor, "features": 64, "pad_to": 16, "window_size": 0.025},
            "encoder": encoder,
            "decoder": {**decoder, "num_classes": -1, "vocabulary": VOCABULARY},
        }
        model = EncDecCTCModel(cfg=OmegaConf.create(config))
        for module in model.modules():  # as after training: an average away from 0 is where lost masks show
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.uniform_(-0.5, 0.5)
        model.eval().save_to(str(folder / f"{name}.nemo"))
    return folder


def prepare(source: Path, work: Path, **changes: Any) -> ExportJob:
    """What the stage hands to the NeMo process."""
    with NemoCheckpoint.open(source) as checkpoint:
        clean = write_clean(checkpoint, work / "clean.nemo")
    with NemoCheckpoint.open(clean.path) as checkpoint:
        checkpoint.unpack(work / "checkpoint")
    job = ExportJob(
        pipeline="speech_recognition",
        archive=str(clean.path),
        checkpoint=str(work / "checkpoint"),
        class_name="EncDecCTCModel",
        graph=str(work / "model_graph.onnx"),
        reference=str(work / "reference.npz"),
        device="cpu",
    )
    return replace(job, **changes)


def export(job: ExportJob) -> tuple[NemoExport, Comparison]:
    from pipelines.export.comparison import compare
    from pipelines.export.reference import write_reference
    from pipelines.export.worker import export_graph

    write_reference(job)
    exported = export_graph(job)
    return exported, compare(Path(job.graph), Path(job.reference), whole=job.subnet is None)


@pytest.mark.parametrize("name", ENCODERS)
def test_the_graph_computes_what_the_checkpoint_computes(checkpoints: Path, tmp_path: Path, name: str) -> None:
    """Every supported encoder agrees alone and in equal batches; only attention keeps its masks."""
    exported, compared = export(prepare(checkpoints / f"{name}.nemo", tmp_path))

    assert max(compared.single_error, compared.equal_error) < TOLERANCE
    assert compared.padded_error is not None
    assert (compared.padded_error < TOLERANCE) == ("conformer" in name)
    assert (compared.opset, compared.ir_version) == (16, 8)
    assert exported.subsampling == SUBSAMPLING[name]
    assert all(abs(frames - steps * exported.subsampling) <= exported.subsampling for frames, steps in compared.lengths)
    assert exported.facts["stride_ms"] == 10 * exported.subsampling


@pytest.mark.parametrize("name", ["quartznet", "jasper"])
def test_the_receptive_field_is_exact(checkpoints: Path, tmp_path: Path, name: str) -> None:
    """An output changes with the frames that the computed receptive field names, and with no other."""
    import onnxruntime

    job = prepare(checkpoints / f"{name}.nemo", tmp_path)
    export(job)
    field = receptive_field({"encoder": ENCODERS[name]})
    assert field is not None
    session = onnxruntime.InferenceSession(job.graph)
    features = np.random.default_rng(0).normal(size=(1, 64, 400)).astype(np.float32)
    (plain,) = session.run(None, {"audio_signal": features})
    changing = features.copy()
    changing[:, :, 200] += 100
    (changed,) = session.run(None, {"audio_signal": changing})

    steps = np.flatnonzero(np.abs(changed - plain).max(axis=(0, 2))) * SUBSAMPLING[name]
    assert 200 - steps.min() in range(field[1] - 1, field[1] + 1)
    assert steps.max() - 200 in range(field[0] - 1, field[0] + 1)


def test_a_part_is_exported_alone(checkpoints: Path, tmp_path: Path) -> None:
    """`--export-subnet` exports one part, compared with what that part computes inside the model."""
    job = prepare(checkpoints / "conformer.nemo", tmp_path, subnet="encoder")

    _, compared = export(job)

    assert compared.single_error < TOLERANCE
    assert [tensor["name"] for tensor in compared.inputs] == ["audio_signal", "length"]
    with pytest.raises(UsageError, match="name one of preprocessor, encoder, decoder"):
        export(replace(job, subnet="joint"))


def test_the_example_can_be_larger(checkpoints: Path, tmp_path: Path) -> None:
    """`--max-dim` beyond the table of positions makes the table longer, as a longer recording needs."""
    job = prepare(checkpoints / "conformer.nemo", tmp_path, max_dim=2400, max_dim_asked=True, max_batch=2)

    exported, compared = export(job)

    assert (exported.max_batch, exported.max_dim, exported.facts["max_frames"]) == (2, 2400, 2400)
    assert compared.single_error < TOLERANCE


def test_the_command_makes_an_archive(checkpoints: Path, tmp_path: Path) -> None:
    """nemo2riva writes an encrypted graph, the patched configuration and the facts; --validate agrees."""
    arguments = ["--out", str(tmp_path / "out.x"), "--key", "secret", "--validate", "--autocast", "true"]
    done = nemo2riva(checkpoints / "quartznet.nemo", *arguments)

    assert done.returncode == 0, done.stderr
    assert "is compliant with Riva" in done.stderr
    assert "autocast is off" in done.stderr
    with Archive.open(EncryptedPath.parse(f"{tmp_path / 'out.riva'}:secret")) as archive:
        facts = archive.manifest["riva_ci"]
        assert archive.names() == ["model_graph.onnx", "model_config.yaml"]
        assert archive.manifest["artifacts"]["model_graph.onnx"]["encrypted"] is True
        assert yaml.safe_load(archive.read("model_config.yaml"))["decoder"]["num_classes"] == len(VOCABULARY)
        assert (facts["stride_ms"], facts["masks"]) == (20, False)
        assert facts["max_error"] < TOLERANCE
        assert facts["sandbox"]["network"] == "closed"
        assert len(facts["clean"]["sha256"]) == len(facts["input"]["sha256"]) == 64
        assert "secret" not in json.dumps(archive.manifest) + done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.parametrize(("damage", "code", "message"), [("weights", 31, "NaN"), ("pickle", 36, "PurePosixPath")])
def test_the_command_refuses_bad_weights(
    checkpoints: Path, tmp_path: Path, damage: str, code: int, message: str
) -> None:
    """Weights that are not numbers, or that would run code, end in one message without a traceback or an output."""
    import pathlib
    import tarfile

    import torch

    with NemoCheckpoint.open(checkpoints / "quartznet.nemo") as checkpoint:
        checkpoint.unpack(tmp_path / "unpacked")
    weights = tmp_path / "unpacked" / "model_weights.ckpt"
    state = torch.load(weights)
    if damage == "weights":
        state["decoder.decoder_layers.0.bias"][:] = float("nan")
    torch.save(state if damage == "weights" else {"w": pathlib.PurePosixPath("x")}, weights)
    with tarfile.open(tmp_path / "bad.nemo", "w") as tar:
        tar.add(tmp_path / "unpacked", ".")

    done = nemo2riva(tmp_path / "bad.nemo")

    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "bad.riva").exists()


@pytest.mark.full
def test_the_command_keeps_to_its_memory(checkpoints: Path, tmp_path: Path) -> None:
    """An export that asks for more memory than it may have ends in one message that says how much that is."""
    done = nemo2riva(checkpoints / "quartznet.nemo", "--out", tmp_path / "a", "--memory-limit", "1500MB")

    assert done.returncode == 29, done.stderr
    assert "needs more memory than the 1.5 GB" in done.stderr
    assert "Traceback" not in done.stderr


def nemo2riva(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cli.nemo2riva", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
