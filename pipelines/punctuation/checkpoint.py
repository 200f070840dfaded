"""Which NeMo classes punctuation accepts, and what their checkpoints must hold.

NeMo 2.4 is the last that has them, and it asks a model hub even to restore one. So the archive is read, and
`network.py` builds the same network of `transformers`. A name such as `bert-base-uncased` in the configuration is
ordinary here, says the family and no more, and is never looked up anywhere.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipelines.archive.nemo import NemoCheckpoint
from pipelines.archive.values import section, text
from pipelines.contract import Lack, Unsupported
from pipelines.errors import BrokenCheckpoint, UnsupportedCheckpoint
from pipelines.punctuation.contents import Read, encoder_of, labels_of, vocabulary_of

__all__ = ["ACTIVATIONS", "SUPPORTED_CLASSES", "config_for_nemo", "lacks", "patch_config", "why_unsupported"]

SUPPORTED_CLASSES = {
    "nemo.collections.nlp.models.PunctuationCapitalizationModel": "punctuationcapitalizationmodel.yaml"
}
ACTIVATIONS = ("relu", "tanh", "sigmoid")
"""Between the layers of a head; by these names they are functions of torch."""

_OTHER_HEADS = {  # the other BERT classes of NeMo, by the pipeline of Riva that serves them
    "TokenClassificationModel": "token_classification",
    "IntentSlotClassificationModel": "intent_slot",
    "TextClassificationModel": "text_classification",
    "QAModel": "qa",
}
_TRAINING_SECTIONS = ("train_ds", "validation_ds", "test_ds", "optim")
_LARGEST = 64 << 20  # bytes of a vocabulary; the largest known ones have five


def why_unsupported(obj_cls: str) -> Unsupported | None:
    """Says why a class of NeMo's BERT models is refused; None for classes of other kinds."""
    name = obj_cls.rsplit(".", 1)[-1]
    if name == "PunctuationCapitalizationLexicalAudioModel":
        what = "it listens to the speech besides reading its text, and Riva's PunctuateText has no speech"
        return Unsupported(what, "export a PunctuationCapitalizationModel, which reads text alone")
    if name in _OTHER_HEADS:
        what = f"it is a BERT for Riva's pipeline {_OTHER_HEADS[name]}, which cannot be built here yet"
        fix = (
            "NVIDIA's own nemo2riva and riva-build take it; for marks and capitals use a PunctuationCapitalizationModel"
        )
        return Unsupported(what, fix)
    return None


def lacks(checkpoint: NemoCheckpoint) -> Iterator[Lack]:
    """Yields what a checkpoint of a supported class lacks, or has and should not."""
    config, read = checkpoint.config, _reader(checkpoint)
    parts: dict[str, Callable[[Mapping[str, Any], Read], object]] = {
        "tokenizer-present": vocabulary_of,
        "labels-present": labels_of,
        "encoder-supported": encoder_of,
    }
    for rule, part in parts.items():
        try:
            part(config, read)
        except (BrokenCheckpoint, UnsupportedCheckpoint) as error:
            yield Lack(rule, error.what, error.why, error.fix)
    for head in ("punct_head", "capit_head"):
        activation = text(section(config, head), "activation") or "relu"
        if activation not in ACTIVATIONS:
            what = f"{head}.activation is {activation!r}, expected one of {', '.join(ACTIVATIONS)}"
            yield Lack("encoder-supported", what, "heads with other activations were never compared with NeMo")


def patch_config(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns None: nemo2riva 2.16 has no patch for this class."""
    return None


def config_for_nemo(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration that the network is restored from: without training data and the maker's paths."""
    kept = {name: value for name, value in config.items() if name not in _TRAINING_SECTIONS}
    for name, key in (("common_dataset_parameters", "label_vocab_dir"), ("language_model", "lm_checkpoint")):
        if isinstance(kept.get(name), Mapping):
            kept[name] = {**kept[name], key: None}
    return kept


def _reader(checkpoint: NemoCheckpoint) -> Read:
    def read(name: str) -> bytes:
        if name in checkpoint.names() and checkpoint.size(name) > _LARGEST:
            raise BrokenCheckpoint(f"{name} has {checkpoint.size(name)} bytes, expected at most {_LARGEST}")
        return checkpoint.read(name)

    return read
