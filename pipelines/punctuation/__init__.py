"""Marks and capitals for text without them, with NeMo's punctuation models; see README.md beside this file."""

from pipelines.contract import Pipeline
from pipelines.punctuation import checkpoint
from pipelines.punctuation.options import COMPONENTS, PunctuationOptions
from pipelines.punctuation.settling import settle

__all__ = ["PIPELINE"]

PIPELINE = Pipeline(
    name="punctuation",
    package=__name__,
    serves="punctuation and capitals for text, with NeMo BERT models",
    service="nlp",
    options=PunctuationOptions,
    components=COMPONENTS,
    modes={"punctuation": {}},
    limits=("punctuation", "capitalisation"),
    settle=settle,
    checkpoint=checkpoint,
)
