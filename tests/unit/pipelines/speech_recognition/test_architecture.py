"""What a NeMo speech model is, is read in its configuration, whatever that holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.speech_recognition.architecture import describe

ASR = "nemo.collections.asr.models"
MODULES = "nemo.collections.asr.modules"
CTC, RNNT = f"{ASR}.EncDecCTCModelBPE", f"{ASR}.EncDecRNNTBPEModel"
HYBRID = f"{ASR}.EncDecHybridRNNTCTCBPEModel"
CACHE_AWARE = {
    "att_context_size": [[70, 13], [70, 0]],
    "att_context_style": "chunked_limited",
    "causal_downsampling": True,
    "conv_context_size": "causal",
}


def conformer(**encoder: Any) -> dict[str, Any]:
    return {
        "sample_rate": 16000,
        "preprocessor": {
            "_target_": f"{MODULES}.AudioToMelSpectrogramPreprocessor",
            "features": 80,
            "window_size": 0.025,
            "window_stride": 0.01,
            "normalize": "per_feature",
        },
        "encoder": {"_target_": f"{MODULES}.ConformerEncoder", "subsampling_factor": 8, "n_layers": 2, **encoder},
        "tokenizer": {"type": "bpe"},
        "decoder": {"vocabulary": ["▁the", "s", "é"]},
    }


def convolutional(**block: Any) -> dict[str, Any]:
    whole = {"repeat": 1, "kernel": [11], "stride": [2], "dilation": [1], **block}
    return {
        "encoder": {"_target_": f"{MODULES}.ConvASREncoder", "jasper": [whole]},
        "preprocessor": {"window_stride": 0.01},
    }


@pytest.mark.parametrize(
    ("obj_cls", "config", "family", "heads"),
    [
        (CTC, conformer(), "Conformer", ("CTC",)),
        (CTC, conformer(subsampling="dw_striding"), "FastConformer", ("CTC",)),
        (RNNT, conformer(), "Conformer", ("RNNT",)),
        (RNNT, {**conformer(), "model_defaults": {"tdt_durations": [0, 1, 2]}}, "Conformer", ("TDT",)),
        (RNNT, {**conformer(), "loss": {"loss_name": "tdt"}}, "Conformer", ("TDT",)),
        (HYBRID, conformer(subsampling="dw_striding"), "FastConformer", ("RNNT", "CTC")),
        (f"{ASR}.EncDecMultiTaskModel", conformer(), "Conformer", ("AED",)),
        (CTC, convolutional(), "Jasper", ("CTC",)),
        (CTC, convolutional(separable=True), "QuartzNet", ("CTC",)),
        (CTC, convolutional(separable=True, se=True), "Citrinet", ("CTC",)),
        (f"{ASR}.EncDecSpeakerLabelModel", {}, "unknown", ("speakers",)),
    ],
)
def test_family_and_heads(obj_cls: str, config: Mapping[str, Any], family: str, heads: tuple[str, ...]) -> None:
    """The encoder gives the family, class and durations the heads, a hybrid both of its own."""
    described = describe(obj_cls, config, {})

    assert described is not None
    assert (described.family, described.heads) == (family, heads)


@pytest.mark.parametrize(
    ("config", "ability", "how"),
    [
        (conformer(), "buffered", "the whole input"),
        (conformer(**CACHE_AWARE), "cache-aware", "5.60 s back and 1.04 s ahead"),
        (conformer(**{**CACHE_AWARE, "causal_downsampling": False}), "buffered", "convolutions look ahead"),
        (conformer(att_context_size=[128, 128]), "bounded", "10.24 s back"),
        (conformer(att_context_size="wide"), "buffered", "the whole input"),
        (conformer(att_context_size=[None, 1]), "unknown", "not what NeMo writes"),
        (conformer(att_context_size=[10**400, 1]), "unknown", "not what NeMo writes"),
        (convolutional(stride=[9000], repeat=100), "unknown", "not what NeMo writes"),
        (convolutional(kernel_size_factor=float("inf")), "unknown", "not what NeMo writes"),
        (convolutional(se=True, se_context_size=None), "unknown", "not what NeMo writes"),
        (convolutional(kernel=[11]), "bounded", "0.05 s before and 0.05 s after"),
        (convolutional(se=True), "buffered", "squeeze-and-excitation"),
        (convolutional(repeat=10**12), "unknown", "not what NeMo writes"),
    ],
)
def test_streaming(config: Mapping[str, Any], ability: str, how: str) -> None:
    """Whether chunks see what the model was trained to see, with the values that decide."""
    described = describe(CTC, config, {})

    assert described is not None
    assert described.streaming is not None
    assert described.streaming.ability == ability
    assert how in described.streaming.how


def test_audio_and_tokens() -> None:
    """Sample rate, features, and what the outputs stand for, with their letters."""
    described = describe(CTC, conformer(), {})

    assert described is not None
    assert described.sample_rate == 16000
    assert str(described.features) == "80 mel features, 25 ms every 10 ms, normalised per_feature"
    assert described.tokens is not None
    assert (described.tokens.kind, described.tokens.count) == ("bpe tokens", 3)
    assert (described.tokens.letters, described.tokens.scripts) == ("ehsté", ("LATIN",))


def test_other_kinds_are_left_to_other_rooms() -> None:
    """A punctuation or speech synthesis model is not described as speech recognition."""
    assert describe("nemo.collections.nlp.models.PunctuationCapitalizationModel", {}, {}) is None
    assert describe("", {}, {}) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = ("encoder", "preprocessor", "decoder", "joint", "tokenizer", "labels", "decoding", "sample_rate", "loss")


@given(config=st.dictionaries(st.sampled_from(KEYS), VALUES), encoder=st.sampled_from(["Conv", "Conformer"]))
def test_no_value_breaks_it(config: dict[str, Any], encoder: str) -> None:
    """Whatever types a hostile configuration has, there is an answer."""
    section = config.get("encoder")
    target = f"{MODULES}.ConvASREncoder" if encoder == "Conv" else f"{MODULES}.ConformerEncoder"
    config["encoder"] = {**(section if isinstance(section, dict) else {"jasper": section}), "_target_": target}

    assert describe(HYBRID, config, {}) is not None


def test_the_samples_are_what_they_are_called() -> None:
    """The configuration that this repository's Conformer was trained with describes a Conformer."""
    root = Path(__file__).parents[4]
    config = yaml.safe_load((root / "scripts/samples/conf/conformer.yaml").read_text(encoding="utf-8"))

    described = describe(CTC, config.get("model", config), {})

    assert described is not None
    assert described.family == "Conformer"
