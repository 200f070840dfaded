"""What is judged, and against what: the server's list of models, what was declared, the limits, the evaluation set."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ci.conformance.case import Case
from ci.conformance.declaration import Declaration
from ci.conformance.evaluation import Evaluation, Passage, Utterance, choose
from ci.conformance.exchange import Call
from ci.conformance.server import MODES, Listing, Model
from pipelines.errors import UsageError
from pipelines.words import words_of

__all__ = ["DEFAULT_LIMITS", "Subject"]

#: Error rates for a server about which nothing else is declared; a pipeline.yaml sets its own under `accuracy`.
DEFAULT_LIMITS: Mapping[str, float] = MappingProxyType(
    {
        "offline": 0.10,
        "streaming": 0.12,
        "streaming_minus_offline": 0.02,
        "punctuation": 0.10,
        "capitalisation": 0.05,
    }
)
#: The chunk of Riva's low-latency recipes, for a server that does not list its own.
DEFAULT_CHUNK_SECONDS = 0.16
_MODES = tuple(mode for modes in MODES.values() for mode in modes)
#: Utterances with a profane word that are enough to see whether it is masked.
PROFANE_UTTERANCES = 6


@dataclass(frozen=True)
class Subject:
    """Everything that planning and judging need to know besides the answers themselves."""

    listing: Listing
    declaration: Declaration
    evaluation: Evaluation

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

    def names(self, call: Call) -> Mapping[str, Any]:
        """What `${...}` of a case stands for."""
        listed = {f"{mode}-model": model.name for mode in _MODES if (model := self.model(mode))}
        return {"language": self.language(call.mode), "type": "offline" if call is Call.OFFLINE else "online", **listed}

    def choose_utterances(self, which: str | int) -> tuple[Utterance, ...]:
        """Utterances of the evaluation set; `profane` are some in which a declared profane word is spoken."""
        utterances = self.evaluation.utterances
        if which != "profane":
            return choose(utterances, which)
        profane = {word.casefold() for word in self.declaration.profane_words}
        return choose([each for each in utterances if profane & set(words_of(each.text))], PROFANE_UTTERANCES)

    def choose_passages(self, which: str | int) -> tuple[Passage, ...]:
        """Passages of the evaluation set; `recorded` are those whose answer was recorded."""
        passages = self.evaluation.passages
        if which != "recorded":
            return choose(passages, which)
        return tuple(passage for passage in passages if passage.recorded is not None)

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
        for mode in _MODES:
            if mode not in case.needs:
                continue
            if self.declaration.pairs is None and mode not in {each for _, each in self.listing.pairs}:
                return f"the server lists no {mode} model"
            if self.declaration.pairs is not None and mode not in {each for _, each in self.declaration.pairs}:
                return f"no {mode} model is declared"
        sets = {
            "utterances": self.evaluation.utterances,
            "passages": self.evaluation.passages,
            "recorded": self.choose_passages("recorded"),
        }
        for need, items in sets.items():
            if need in case.needs and not items:
                return f"no evaluation set with {need} was given (--evaluation)"
        if "profane-words" in case.needs and not self.declaration.profane_words:
            return "no profane word is declared (profane_words)"
        return ""
