"""Which NeMo classes speech recognition accepts, what their checkpoints must hold, and how they export.

The class data is in `schemas/`; the patches are those of nemo2riva 2.16 for these classes. Nothing here imports NeMo.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.contract import Lack, Unsupported

__all__ = [
    "SUPPORTED_CLASSES",
    "config_for_nemo",
    "lacks",
    "patch_config",
    "receptive_field",
    "why_unsupported",
]

CTC = "nemo.collections.asr.models.EncDecCTCModel"
CTC_BPE = "nemo.collections.asr.models.EncDecCTCModelBPE"
SUPPORTED_CLASSES = {CTC: "encdecctcmodel.yaml", CTC_BPE: "encdecctcmodelbpe.yaml"}
SUPPORTED_ENCODERS = {"ConformerEncoder": "Conformer, FastConformer", "ConvASREncoder": "Citrinet, QuartzNet, Jasper"}
SUPPORTED_PREPROCESSOR = "AudioToMelSpectrogramPreprocessor"

# What only training needs; NeMo would warn about it, and its paths lead outside the archive.
_TRAINING_SECTIONS = ("train_ds", "validation_ds", "test_ds", "optim")


_UNSUPPORTED = (  # first match in the class name counts
    (
        "Hybrid",
        Unsupported(
            "it is a hybrid with a transducer and a CTC decoder, and Riva takes one of them",
            "keep its CTC decoder (--model_type ctc) and export that",
        ),
    ),
    (
        "RNNT",
        Unsupported(
            "it is a transducer (RNNT or TDT), which has no graph that gives tokens for each time step",
            "export the CTC variant of the model",
        ),
    ),
    (
        "MultiTask",
        Unsupported(
            "it is an attention encoder-decoder (Canary)",
            "export a CTC model",
        ),
    ),
)


def why_unsupported(obj_cls: str) -> Unsupported | None:
    """Says why a class of speech recognition is refused; None for classes of other kinds."""
    name = obj_cls.rsplit(".", 1)[-1]
    return next((reason for part, reason in _UNSUPPORTED if part in name), None)


def lacks(checkpoint: NemoCheckpoint) -> Iterator[Lack]:
    """Yields what a checkpoint of a supported class lacks, or has and should not."""
    config = checkpoint.config
    encoder, preprocessor = _class_of(config, "encoder"), _class_of(config, "preprocessor")
    if encoder not in SUPPORTED_ENCODERS:
        yield Lack(
            "encoder-supported",
            f"its encoder is {encoder or 'not named'}, which was never compared with NeMo",
            fix="use one of " + "; ".join(f"{name} ({models})" for name, models in SUPPORTED_ENCODERS.items()),
        )
    if preprocessor != SUPPORTED_PREPROCESSOR:
        yield Lack(
            "preprocessor-supported",
            f"its preprocessor is {preprocessor or 'not named'}, expected {SUPPORTED_PREPROCESSOR}",
            "the served pipeline computes mel spectrograms and no other features",
            "train on mel spectrograms",
        )
    if not _section(config, "decoder").get("vocabulary"):
        yield Lack("vocabulary-present", "decoder.vocabulary is empty or missing", "the outputs would have no meaning")
    if checkpoint.obj_cls == CTC_BPE and not any(found.key.startswith("tokenizer.") for found in checkpoint.artifacts):
        why = "it was saved while the tokenizer was given as a folder that NeMo did not find"
        yield Lack("tokenizer-present", "no file of the tokenizer is in the archive", why)


def patch_config(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the configuration as the `.riva` must hold it, or None where it is right already.

    A character model saved with `decoder.num_classes: -1` gets the number of its tokens, as nemo2riva does.
    """
    decoder = _section(config, "decoder")
    if decoder.get("num_classes", 1) != -1 or not decoder.get("vocabulary"):
        return None
    return {**config, "decoder": {**decoder, "num_classes": len(decoder["vocabulary"])}}


def config_for_nemo(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration that NeMo restores from: without training data and the maker's paths."""
    kept = {name: value for name, value in config.items() if name not in _TRAINING_SECTIONS}
    if isinstance(kept.get("tokenizer"), Mapping):
        kept["tokenizer"] = {**kept["tokenizer"], "dir": ""}
    return kept


def receptive_field(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Returns how many feature frames before and after its own an output depends on.

    Computed for convolutional encoders (`encoder.jasper`); None where every output depends on the whole input:
    attention, or squeeze-and-excitation over the whole input.
    """
    blocks = _section(config, "encoder").get("jasper")
    if not blocks:
        return None
    left = right = 0
    hop = 1
    for block in blocks:
        if block.get("se") and block.get("se_context_size", -1) < 0:
            return None
        kernel = _first(block["kernel"])
        if (factor := block.get("kernel_size_factor", 1.0)) != 1.0:
            kernel = max(int(kernel * factor), 1) | 1
        repeat, stride, dilation = block["repeat"], _first(block["stride"]), _first(block["dilation"])
        future = block.get("future_context", -1)
        ahead = (kernel - 1) // 2 if future < 0 or future >= kernel else future
        for index in range(repeat):
            left += (kernel - 1 - ahead) * dilation * hop
            right += ahead * dilation * hop
            if not block.get("stride_last") or index == repeat - 1:
                hop *= stride
    return left, right


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, Mapping) else {}


def _class_of(config: Mapping[str, Any], name: str) -> str:
    return str(_section(config, name).get("_target_", "")).rsplit(".", 1)[-1]


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list) else value)
