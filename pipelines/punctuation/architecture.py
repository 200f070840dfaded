"""What the configuration of one of NeMo's BERT models says about it, whether it can be exported or not."""

from collections.abc import Mapping
from typing import Any

from pipelines.archive.values import section, text, whole
from pipelines.verdict.facts import Architecture, Tokens

__all__ = ["describe"]

_HEADS = {
    "PunctuationCapitalizationModel": ("punctuation", "capitalization"),
    "PunctuationCapitalizationLexicalAudioModel": ("punctuation", "capitalization"),
    "TokenClassificationModel": ("a label for each word",),
    "IntentSlotClassificationModel": ("intent", "slots"),
    "TextClassificationModel": ("a label for each text",),
    "QAModel": ("start and end of the answer",),
}


def describe(obj_cls: str, config: Mapping[str, Any]) -> Architecture | None:
    """Says what a model is; None if it is not one of NeMo's with a BERT encoder."""
    module, _, name = obj_cls.rpartition(".")
    if module != "nemo.collections.nlp.models" or name not in _HEADS:
        return None
    model = section(config, "language_model")
    return Architecture(
        family=_family(text(model, "pretrained_model_name")),
        heads=_HEADS[name],
        tokens=Tokens(kind="word pieces", count=whole(section(model, "config"), "vocab_size")),
    )


def _family(pretrained: str) -> str:
    """The family that a name such as `bert-base-uncased` or `google/electra-small` speaks of."""
    first = pretrained.rpartition("/")[2].partition("-")[0]
    return {"bert": "BERT", "distilbert": "DistilBERT", "roberta": "RoBERTa", "albert": "ALBERT"}.get(first, first)
