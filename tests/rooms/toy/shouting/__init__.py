"""Texts in capitals with an exclamation mark: the smallest room there can be, to see what one costs."""

from pipelines.contract import Pipeline
from shouting import checkpoint
from shouting.options import COMPONENTS, ShoutingOptions
from shouting.settling import settle

__all__ = ["PIPELINE"]

PIPELINE = Pipeline(
    name="shouting",
    package=__name__,
    serves="texts that must be heard",
    service="nlp",
    options=ShoutingOptions,
    components=COMPONENTS,
    modes={"shouting": {}},
    limits=(),
    settle=settle,
    checkpoint=checkpoint,
)
