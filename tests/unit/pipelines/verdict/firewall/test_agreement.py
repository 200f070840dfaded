"""Parts of a checkpoint that contradict each other are found before anything is loaded."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.verdict.findings import Finding
from pipelines.verdict.firewall.agreement import check_agreement
from pipelines.verdict.firewall.inspection import inspect
from tests.nemo_checkpoints import CTC_BPE, TOKENIZER, config, write_nemo
from tests.sentencepiece_models import model
from tests.torch_archives import Tensor, torch_archive

MODULES = "nemo.collections.asr.modules."
FEATURES = {"_target_": f"{MODULES}AudioToMelSpectrogramPreprocessor", "sample_rate": 16000, "features": 80}
FEATURES |= {"window_size": 0.025, "n_fft": 512}
ENCODER = {"_target_": f"{MODULES}ConformerEncoder", "feat_in": 80, "d_model": 16}
DECODER = {"_target_": f"{MODULES}ConvASRDecoder", "feat_in": 16, "num_classes": 3, "vocabulary": ["<unk>", "a", "b"]}
TENSORS = {
    "preprocessor.featurizer.fb": Tensor((1, 80, 257)),
    "preprocessor.featurizer.window": Tensor((400,)),
    "encoder.pre_encode.out.weight": Tensor((16, 8)),
    "decoder.decoder_layers.0.weight": Tensor((4, 16, 1)),
}


def findings(folder: Path, tensors: dict[str, Tensor], members: dict[str, bytes], **sections: Any) -> list[Finding]:
    target = sections.pop("target", CTC_BPE)
    whole = config(target, **{"preprocessor": FEATURES, "encoder": ENCODER, "decoder": DECODER, **sections})
    files = {TOKENIZER: model("<unk>", "a", "b"), "./model_weights.ckpt": torch_archive(tensors), **members}
    with NemoCheckpoint.open(write_nemo(folder / "a.nemo", whole, members=files)) as checkpoint:
        return list(check_agreement(checkpoint, inspect(checkpoint).state))


def test_parts_that_agree_are_no_findings(tmp_path: Path) -> None:
    """A whole model, and one that says less, contradict nothing."""
    assert findings(tmp_path, TENSORS, {}) == []
    assert findings(tmp_path, {}, {}, encoder={}, preprocessor={}, decoder={}) == []


@pytest.mark.parametrize(
    ("sections", "tensors", "rule", "said"),
    [
        ({"preprocessor": {**FEATURES, "features": 64}}, {}, "shapes-agree", "encoder.feat_in: 80"),
        ({"preprocessor": {**FEATURES, "frame_splicing": 2}}, {}, "shapes-agree", "160"),
        ({"preprocessor": {**FEATURES, "window_size": 0.02}}, {}, "shapes-agree", "window, dimension 0: 400"),
        ({"preprocessor": {**FEATURES, "sample_rate": 8000}}, {}, "rates-agree", "8000"),
        ({}, {"preprocessor.featurizer.fb": Tensor((1, 64, 257))}, "shapes-agree", "fb, dimension 1: 64"),
        ({"encoder": {**ENCODER, "d_model": 32}}, {}, "shapes-agree", "encoder.d_model: 32"),
        ({"decoder": {**DECODER, "feat_in": 32}}, {}, "shapes-agree", "decoder.feat_in: 32"),
        ({"decoder": {**DECODER, "num_classes": 5}}, {}, "shapes-agree", "decoder.num_classes: 5"),
        ({}, {"decoder.decoder_layers.0.weight": Tensor((9, 16, 1))}, "shapes-agree", "(without blank): 8"),
        ({"decoder": {**DECODER, "vocabulary": ["<unk>", "b", "a"]}}, {}, "tokenizer-agrees", "token 1 is 'a' there"),
    ],
)
def test_contradictions_say_both_sides(
    tmp_path: Path, sections: dict[str, Any], tensors: dict[str, Tensor], rule: str, said: str
) -> None:
    """Configuration against weights, and against itself: both values are said."""
    found = findings(tmp_path, {**TENSORS, **tensors}, {}, **sections)

    assert any(finding.rule.id == rule and said in finding.what for finding in found), found


def test_a_decoder_may_leave_the_count_open(tmp_path: Path) -> None:
    """num_classes: -1 means that the vocabulary decides."""
    assert findings(tmp_path, TENSORS, {}, decoder={**DECODER, "num_classes": -1}) == []


@pytest.mark.parametrize(
    ("content", "said"), [(model("<unk>", "a"), "has 2 tokens"), (b"text", "is no SentencePiece model")]
)
def test_a_tokenizer_has_the_tokens_of_the_model(tmp_path: Path, content: bytes, said: str) -> None:
    """A tokenizer of another model, or something else in its place, is found."""
    (finding,) = findings(tmp_path, TENSORS, {TOKENIZER: content})

    assert finding.rule.id == "tokenizer-agrees"
    assert said in finding.what


@pytest.mark.parametrize(
    ("tensor", "shape", "said"),
    [
        ("bert_model.embeddings.word_embeddings.weight", (9, 4), "vocab_size: 8"),
        ("bert_model.embeddings.position_embeddings.weight", (5, 4), "max_position_embeddings: 6"),
        ("punct_classifier.mlp.layer0.weight", (4, 4), "punct.csv: 3"),
        ("capit_classifier.mlp.layer2.weight", (3, 4), "capit.csv: 2"),
    ],
)
def test_a_punctuation_model_has_a_row_for_each_label(
    tmp_path: Path, tensor: str, shape: tuple[int, int], said: str
) -> None:
    """Embeddings and heads of a BERT are as large as its files say, with and without a line end at the end."""
    sizes = {"vocab_size": 8, "hidden_size": 4, "max_position_embeddings": 6}
    members = {"bert.json": json.dumps(sizes).encode(), "punct.csv": b"O\n,\n.", "capit.csv": b"O\nU\n"}
    good = {
        "bert_model.embeddings.word_embeddings.weight": Tensor((8, 4)),
        "bert_model.embeddings.position_embeddings.weight": Tensor((6, 4)),
        "punct_classifier.mlp.layer0.weight": Tensor((3, 4)),
        "capit_classifier.mlp.layer2.weight": Tensor((2, 4)),
    }
    sections: dict[str, Any] = {
        "target": "nemo.collections.nlp.models.PunctuationCapitalizationModel",
        "language_model": {"config_file": "nemo:bert.json"},
        "class_labels": {"punct_labels_file": "nemo:punct.csv", "capit_labels_file": "nemo:capit.csv"},
        "capit_head": {"num_fc_layers": 2},
    }

    assert findings(tmp_path, good, members, **sections) == []
    (finding,) = findings(tmp_path, {**good, tensor: Tensor(shape)}, members, **sections)
    assert said in finding.what
