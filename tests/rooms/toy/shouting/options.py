"""The options of `riva-build shouting`."""

from dataclasses import dataclass

from pipelines.build_options import Evidence, Origin, executed

__all__ = ["COMPONENTS", "ShoutingOptions"]

TOY = Origin("a rehearsal", Evidence.OURS)


@dataclass(frozen=True, kw_only=True)
class ShoutingOptions:
    """The options of `riva-build shouting`."""

    name: str = executed("shouting", "name of the pipeline", TOY)
    language_code: str = executed("en-US", "BCP-47 code of the language", TOY)
    mark: str = executed("!", "what is put behind a text", TOY)


COMPONENTS = {"": "pipeline"}
