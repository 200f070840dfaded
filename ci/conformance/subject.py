"""What is judged, and against what: the server's list of models, what was declared, the limits, the evaluation set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ci.checked_yaml import load_checked
from ci.conformance.case import Case
from ci.conformance.evaluation import Utterance, choose
from ci.conformance.server import Listing, Model
from ci.conformance.word_errors import normalise
from pipelines.errors import UsageError

__all__ = ["DEFAULT_LIMITS", "Declaration", "Subject"]

SCHEMA = Path(__file__).with_name("declaration.schema.yaml")

#: Word error rates for a server about which nothing else is declared; a pipeline.yaml sets its own under `accuracy`.
DEFAULT_LIMITS: Mapping[str, float] = MappingProxyType(
    {"offline": 0.10, "streaming": 0.12, "streaming_minus_offline": 0.02}
)
#: The chunk of Riva's low-latency recipes, for a server that does not list its own.
DEFAULT_CHUNK_SECONDS = 0.16
#: Utterances with a profane word that are enough to see whether it is masked.
PROFANE_UTTERANCES = 6


@dataclass(frozen=True)
class Declaration:
    """What the server is meant to be.

    Attributes:
        pairs: (language, mode) of every model that must be listed, and no other; None if nothing is declared.
        limits: Word error rates by name.
        profane_words: Words of the evaluation set that the profanity filter masks.
    """

    pairs: frozenset[tuple[str, str]] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    profane_words: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> "Declaration":
        """Reads a `pipeline.yaml`: `language`, `builds` (its keys are the modes), `accuracy`, `profane_words`.

        Raises:
            BadYaml: The file cannot be read or is malformed.
        """
        data = load_checked(path, schema=SCHEMA)
        pairs = frozenset((data["language"], mode) for mode in data["builds"])
        return cls(pairs, data.get("accuracy", {}), tuple(data.get("profane_words", ())))


@dataclass(frozen=True)
class Subject:
    """Everything that planning and judging need to know besides the answers themselves."""

    listing: Listing
    declaration: Declaration
    evaluation: tuple[Utterance, ...]

    def limit(self, name: str | float) -> float:
        """A limit by its name, or the number itself.

        Raises:
            UsageError: There is no limit of this name.
        """
        if not isinstance(name, str):
            return name
        try:
            return {**DEFAULT_LIMITS, **self.declaration.limits}[name]
        except KeyError:
            raise UsageError(f"no limit is called {name!r}", fix=f"limits: {', '.join(DEFAULT_LIMITS)}") from None

    def language(self, mode: str) -> str:
        """The language to ask for: what is declared for a mode, else what the server lists first, else en-US."""
        pairs = self.declaration.pairs or (
            (code, model.mode) for model in self.listing.models for code in model.languages
        )
        return next((language for language, each in pairs if each == mode), "en-US")

    def model(self, mode: str) -> Model | None:
        """The listed model that answers in a mode."""
        return self.listing.model(self.language(mode), mode)

    def names(self, mode: str) -> Mapping[str, Any]:
        """What `${...}` of a case stands for."""
        listed = {f"{each}-model": model.name for each in ("offline", "streaming") if (model := self.model(each))}
        return {"language": self.language(mode), "type": "offline" if mode == "offline" else "online", **listed}

    def choose(self, which: str | int) -> tuple[Utterance, ...]:
        """Utterances of the evaluation set; `profane` are some in which a declared profane word is spoken."""
        if which != "profane":
            return choose(self.evaluation, which)
        profane = {word.casefold() for word in self.declaration.profane_words}
        return choose([each for each in self.evaluation if profane & set(normalise(each.text))], PROFANE_UTTERANCES)

    @property
    def chunk_seconds(self) -> float:
        """What the streaming model takes at a time."""
        model = self.model("streaming")
        return (model and model.number("chunk_size")) or DEFAULT_CHUNK_SECONDS

    @property
    def right_padding_seconds(self) -> float:
        """How far the streaming model must hear beyond a chunk before it answers."""
        model = self.model("streaming")
        values = [model.number(name) for name in ("right_padding_size", "padding_size")] if model else []
        return next((value for value in values if value is not None), 0.0)

    def missing(self, case: Case) -> str:
        """Why a case makes no sense here; empty if it must run.

        A mode that is declared is never missing: if the server does not list it, the case runs and fails.
        """
        if "evaluation" in case.needs and not self.evaluation:
            return "no evaluation set was given (--evaluation)"
        if "profane-words" in case.needs and not self.declaration.profane_words:
            return "no profane word is declared (profane_words)"
        for mode in ("offline", "streaming"):
            if mode not in case.needs:
                continue
            if self.declaration.pairs is None and mode not in {each for _, each in self.listing.pairs}:
                return f"the server lists no {mode} model"
            if self.declaration.pairs is not None and mode not in {each for _, each in self.declaration.pairs}:
                return f"no {mode} model is declared"
        return ""
