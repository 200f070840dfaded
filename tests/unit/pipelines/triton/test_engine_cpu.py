"""The rewritten graph of every family of encoders answers as the exported one, and is really rewritten."""

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from pipelines.errors import EngineFailed
from pipelines.triton import engine_cpu, engine_large, graph_files, weights
from pipelines.triton.engine_cpu import TOLERANCE, optimise

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
    """Every family passes the comparison on unequal lengths, and keeps its opset and its inputs and outputs."""
    before, after = onnx.load(graphs[name]), optimise(graphs[name])
    onnx.checker.check_model(after)
    assert after.ir_version == before.ir_version
    assert [(o.domain, o.version) for o in after.opset_import] == [(o.domain, o.version) for o in before.opset_import]
    for ours, theirs in ((after.graph.input, before.graph.input), (after.graph.output, before.graph.output)):
        assert [value.name for value in ours] == [value.name for value in theirs]


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

    large = onnx.load(engine_large.optimise_large(graph_files.unpack_graph(packed)).graph, load_external_data=False)

    small = optimise(graphs[name])
    assert Counter(node.op_type for node in large.graph.node) == Counter(node.op_type for node in small.graph.node)


@pytest.mark.parametrize("name", ["conformer", "conformer_limited_context", "conformer_without_biases"])
def test_attention_is_simplified(graphs: dict[str, Path], name: str) -> None:
    """The scores of every layer are masked by one addition: what is left of Where does not grow with the layers."""
    kinds = Counter(node.op_type for node in optimise(graphs[name]).graph.node)
    layers = ENCODERS[name]["n_layers"]
    assert kinds["Softmax"] == layers
    assert kinds["Div"] < layers + 2  # two in the lengths of the subsampling, none in attention
    assert not any("self_attn/Where" in node.name for node in optimise(graphs[name]).graph.node)


@pytest.mark.parametrize("name", ["conformer", "fastconformer"])
def test_the_first_mask_is_folded(graphs: dict[str, Path], name: str) -> None:
    """The first convolution gets a second channel, and no full-size mask is left before the attention."""
    graph = optimise(graphs[name]).graph
    shapes = {i.name: list(i.dims) for i in graph.initializer}
    first = next(node for node in graph.node if node.op_type == "Conv")
    assert shapes[first.input[1]] == [16, 2, 3, 3]
    after = next(node for node in graph.node if first.output[0] in node.input and node.op_type != "Shape")
    assert after.op_type == "Relu"


@pytest.mark.parametrize("name", ["quartznet", "jasper", "conformer"])
def test_convolutions_become_images(graphs: dict[str, Path], name: str) -> None:
    """No 1-D convolution is left, and between those of a convolutional network nothing returns to 1-D."""
    graph = optimise(graphs[name]).graph
    ranks = {i.name: len(i.dims) for i in graph.initializer}
    assert {ranks[node.input[1]] for node in graph.node if node.op_type == "Conv"} == {4}
    if name != "conformer":
        assert Counter(node.op_type for node in graph.node)["Squeeze"] == 1


def test_a_wrong_rewrite_is_refused(graphs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that blocks nothing lets padding into the utterances, which the comparison sees and names."""
    monkeypatch.setattr(engine_cpu, "_BLOCKED", 0.0)
    with pytest.raises(EngineFailed, match=f"expected {TOLERANCE:.0e}"):
        optimise(graphs["conformer"])
