"""What the configuration of one of NeMo's BERT models says about it, whether it can be exported or not."""

from collections.abc import Mapping
from typing import Any

from pipelines.archive.values import section, text
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

_FAMILIES = {"bert": "BERT", "distilbert": "DistilBERT", "roberta": "RoBERTa", "albert": "ALBERT"}
_EMBEDDINGS = "bert_model.embeddings.word_embeddings.weight"


def describe(obj_cls: str, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Architecture | None:
    """Says what a model is; None if it is not one of NeMo's with a BERT encoder.

    How many word pieces it knows is not in the configuration, but is the height of the table of their embeddings.
    """
    module, _, name = obj_cls.rpartition(".")
    if module != "nemo.collections.nlp.models" or name not in _HEADS:
        return None
    embeddings = shapes.get(_EMBEDDINGS, ())
    return Architecture(
        family=_family(text(section(config, "language_model"), "pretrained_model_name")),
        heads=_HEADS[name],
        tokens=Tokens(kind="word pieces", count=embeddings[0] if embeddings else None),
    )


def _family(pretrained: str) -> str:
    """The family that a name such as `bert-base-uncased` or `google/electra-small` speaks of."""
    first = pretrained.rpartition("/")[2].partition("-")[0]
    return {"bert": "BERT", "distilbert": "DistilBERT", "roberta": "RoBERTa", "albert": "ALBERT"}.get(
        first, first or "unknown"
    )
