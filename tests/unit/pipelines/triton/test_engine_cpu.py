"""The rewritten graph of every family of encoders answers as the exported one, and is really rewritten."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pipelines.errors import EngineFailed
from pipelines.triton import engine_cpu, engine_large, graph_files, weights
from pipelines.triton.engine_cpu import TOLERANCE, optimise
from pipelines.triton.onnx_editor import Editor
from pipelines.triton.rewrites import rewrite

pytestmark = pytest.mark.export

LABELS = [" ", "a", "b"]
BANDS = 16
CONFORMER = {
    "_target_": "nemo.collections.asr.modules.ConformerEncoder",
    "feat_in": BANDS,
    "n_layers": 2,
    "d_model": 16,
    "n_heads": 2,
    "subsampling": "striding",
    "subsampling_factor": 4,
    "subsampling_conv_channels": 16,
    "conv_kernel_size": 5,
    "pos_emb_max_len": 400,
}


def jasper(**changes: Any) -> dict[str, Any]:
    block = {"repeat": 1, "kernel": [5], "stride": [1], "dilation": [1], "dropout": 0.0, "separable": True, **changes}
    blocks = [{**block, "filters": 16, "stride": [2], "residual": False}, {**block, "filters": 16, "residual": True}]
    return {
        "_target_": "nemo.collections.asr.modules.ConvASREncoder",
        "feat_in": BANDS,
        "activation": "relu",
        "conv_mask": True,
        "jasper": blocks,
    }


ENCODERS = {
    "conformer": CONFORMER,
    "conformer_limited_context": {**CONFORMER, "att_context_size": [8, 8]},
    "conformer_without_biases": {**CONFORMER, "use_bias": False, "xscaling": False},
    "conformer_causal": {**CONFORMER, "causal_downsampling": True, "conv_context_size": "causal"},
    "conformer_absolute_positions": {**CONFORMER, "self_attention_model": "abs_pos"},
    "fastconformer": {**CONFORMER, "subsampling": "dw_striding", "subsampling_factor": 8},
    "quartznet": jasper(),
    "citrinet": jasper(se=True, se_context_size=-1),
    "jasper": jasper(separable=False),
}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The exported graph of a tiny, untrained model of every family."""
    folder = tmp_path_factory.mktemp("graphs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NeMo's own, from its import on
        return {name: export(encoder, folder / f"{name}.onnx") for name, encoder in ENCODERS.items()}


def _session(model: Path | bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def export(encoder: dict[str, Any], path: Path) -> Path:
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import OmegaConf

    torch.manual_seed(0)
    features = {"_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "features": BANDS}
    decoder = {
        "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
        "feat_in": 16,
        "num_classes": len(LABELS),
        "vocabulary": LABELS,
    }
    data = {"manifest_filepath": None, "sample_rate": 16000, "batch_size": 1, "shuffle": False, "labels": LABELS}
    config = {"train_ds": data, "validation_ds": data, "sample_rate": 16000, "labels": LABELS}
    model = EncDecCTCModel(
        cfg=OmegaConf.create({**config, "preprocessor": features, "encoder": encoder, "decoder": decoder})
    )
    for name, weight in model.named_parameters():
        if "norm" in name or "bias" in name:  # equal as they are made, and then shared in the graph
            weight.data += 0.1 * torch.randn_like(weight)
    model.eval().export(str(path), onnx_opset_version=17)
    return path


@pytest.mark.parametrize("name", ENCODERS)
def test_the_answers_stay_the_same(graphs: dict[str, Path], name: str) -> None:
    """Every family passes the comparison, and keeps its opset, its outputs and the input of the signal."""
    before, after = onnx.load(graphs[name]), optimise(graphs[name], longest=100)
    onnx.checker.check_model(after)
    assert after.ir_version == before.ir_version
    opsets = [{entry.domain: entry.version for entry in model.opset_import} for model in (before, after)]
    assert opsets[1] == opsets[0] | ({"com.microsoft": 1} if "com.microsoft" in opsets[1] else {})
    assert [value.name for value in after.graph.output] == [value.name for value in before.graph.output]
    assert [value.name for value in after.graph.input] == ["audio_signal"]


@pytest.mark.parametrize("name", [name for name in ENCODERS if name not in ("conformer_limited_context", "citrinet")])
def test_no_mask_is_left(graphs: dict[str, Path], name: str) -> None:
    """No step is compared with a length, as nothing is padded. Limits of the context, and means over time, stay."""
    kinds = {node.op_type for node in optimise(graphs[name], longest=100).graph.node}
    assert kinds.isdisjoint({"Less", "And", "Not"})


@pytest.mark.parametrize("name", ENCODERS)
def test_large_networks_are_rewritten_alike(
    graphs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """With every constant in a file, each family passes the same comparison and ends in the same operators."""
    monkeypatch.setattr(graph_files, "LARGE", 0)
    monkeypatch.setattr(weights, "_SMALL", 200)  # more than shapes have, which must stay in the graph
    monkeypatch.setattr(engine_large, "_SMALL", 200)
    packed = tmp_path / "model_graph.onnx"
    packed.write_bytes(graphs[name].read_bytes())

    large = onnx.load(
        engine_large.optimise_large(graph_files.unpack_graph(packed), longest=100).graph, load_external_data=False
    )

    small = optimise(graphs[name], longest=100)
    assert Counter(node.op_type for node in large.graph.node) == Counter(node.op_type for node in small.graph.node)


@pytest.mark.parametrize("name", [name for name in ENCODERS if "former" in name])
def test_attention_is_fused(graphs: dict[str, Path], name: str) -> None:
    """Each layer's relative attention is one operator without padding; absolute positions stay as they are."""
    graph = optimise(graphs[name], longest=100).graph
    kinds = Counter(node.op_type for node in graph.node)
    fused = 0 if name == "conformer_absolute_positions" else ENCODERS[name]["n_layers"]
    assert kinds["MultiHeadAttention"] == fused
    assert kinds["Softmax"] == ENCODERS[name]["n_layers"] - fused
    assert fused == 0 or not any("self_attn" in node.name and node.op_type == "Pad" for node in graph.node)


@pytest.mark.parametrize(("longest", "steps"), [(100, 331), (350, 350), (10_000, 400)])
def test_positions_reach_as_far_as_they_must(graphs: dict[str, Path], longest: int, steps: int) -> None:
    """The longest window gets its answer, also if it is as long as the exported table; a longer one none at all."""
    exported = _session(graphs["conformer"])
    deployed = _session(optimise(graphs["conformer"], longest=longest).SerializeToString())
    frames = np.random.default_rng(1).standard_normal((1, BANDS, 4 * steps), np.float32)
    (expected,) = exported.run(None, {"audio_signal": frames, "length": np.array([4 * steps])})
    np.testing.assert_allclose(deployed.run(None, {"audio_signal": frames})[0], expected, atol=TOLERANCE)
    longer = {"audio_signal": np.pad(frames, ((0, 0), (0, 0), (0, 4)))}
    with pytest.raises(Exception, match="ONNXRuntimeError"):
        deployed.run(None, longer)


@pytest.mark.parametrize("name", ["conformer", "fastconformer"])
def test_the_projection_is_a_convolution(graphs: dict[str, Path], name: str) -> None:
    """Its kernel spans all bands, and no mask stands between it and the convolution before."""
    graph = optimise(graphs[name], longest=100).graph
    makers = {output: node for node in graph.node for output in node.output}
    shapes = {i.name: list(i.dims) for i in graph.initializer}
    kernel = [16, 16, BANDS // ENCODERS[name]["subsampling_factor"], 1]
    (projection,) = [node for node in graph.node if node.op_type == "Conv" and shapes[node.input[1]] == kernel]
    assert makers[projection.input[0]].op_type == "Relu"


@pytest.mark.parametrize("name", ["quartznet", "jasper", "conformer"])
def test_convolutions_become_images(graphs: dict[str, Path], name: str) -> None:
    """No 1-D convolution is left, and between those of a convolutional network nothing returns to 1-D."""
    graph = optimise(graphs[name], longest=100).graph
    ranks = {i.name: len(i.dims) for i in graph.initializer}
    assert {ranks[node.input[1]] for node in graph.node if node.op_type == "Conv"} == {4}
    if name != "conformer":
        assert Counter(node.op_type for node in graph.node)["Squeeze"] == 1


def test_a_wrong_rewrite_is_refused(graphs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One that gets the weights of a layer wrong changes the answers, which the comparison sees and names."""

    def wrong(graph: Editor, *, longest: int) -> None:
        rewrite(graph, longest=longest)
        graph.constants |= {name: 1.01 * value for name, value in graph.constants.items() if value.ndim == 2}

    monkeypatch.setattr(engine_cpu, "rewrite", wrong)
    with pytest.raises(EngineFailed, match=f"expected {TOLERANCE:.0e}"):
        optimise(graphs["conformer"], longest=100)
