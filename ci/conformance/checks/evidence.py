"""What checks read and what they say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ci.conformance.exchange import Exchange
from ci.conformance.outcome import Finding, Score
from ci.conformance.subject import Subject

__all__ = ["Answer", "Check", "Evidence", "Verdict", "shown"]

_SHOWN = 200  # characters of a text in a finding


@dataclass(frozen=True)
class Answer:
    """An exchange of the case, and what it is compared with, if that is needed.

    Attributes:
        plain: That of the most ordinary request for the same utterance.
        punctuated: What the server's punctuation makes of the results of `plain`.
    """

    label: str
    exchange: Exchange
    plain: Exchange | None = None
    punctuated: Exchange | None = None


@dataclass(frozen=True)
class Evidence:
    """All that a case brought about."""

    answers: tuple[Answer, ...]
    subject: Subject
    names: Mapping[str, Any] = field(default_factory=dict)

    @property
    def heard(self) -> tuple[Answer, ...]:
        """The answers whose client did not give up."""
        return tuple(answer for answer in self.answers if not answer.exchange.cancelled)


@dataclass(frozen=True)
class Verdict:
    """What is wrong, what was measured (for the reader of the report), and how well utterances were recognised."""

    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(self.findings + other.findings, {**self.facts, **other.facts}, self.scores + other.scores)


Check = Callable[[Any, Evidence], Verdict]
"""A function from the value in the case file and the evidence to a verdict."""


def shown(text: str) -> str:
    """A text as findings show it; a megabyte is cut."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r} and {len(text) - _SHOWN} characters more"
