"""What became of a case, and the tree of results in which a parent is as bad as its worst child."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["CaseResult", "Finding", "Outcome", "ResultTree", "Score"]


class Outcome(IntEnum):
    """Ordered: what is worse is greater.

    A failure and an error are different things: at a failure the server is wrong, at an error this suite is.
    """

    SKIP = 0
    PASS = 1
    KNOWN = 2
    FAIL = 3
    ERROR = 4

    @property
    def label(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """One way in which the server differs from what a case expects."""

    expected: str
    got: str
    where: str = ""


@dataclass(frozen=True)
class Score:
    """How well one utterance was recognised, or one text punctuated.

    `pieces` aligns hypothesis and reference: pairs of (reference word, answered word), either of them empty.
    `seconds` is how long the answer took from the first byte sent, `audio_seconds` how long the audio is, 0 for texts.
    """

    item: str
    mode: str
    reference: str
    hypothesis: str
    errors: int
    words: int
    seconds: float
    audio_seconds: float = 0.0
    pieces: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CaseResult:
    """The result of one case. `reason` says why it was skipped, is known to fail, or broke the suite."""

    address: str
    title: str
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class ResultTree:
    """A folder of the addresses, with the results right below it and the folders in it."""

    name: str
    results: tuple[CaseResult, ...]
    children: tuple["ResultTree", ...]

    @classmethod
    def grow(cls, results: Iterable[CaseResult], name: str = "", depth: int = 0) -> "ResultTree":
        """Sorts results into folders by the components of their addresses, keeping their order."""
        here: list[CaseResult] = []
        below: dict[str, list[CaseResult]] = {}
        for result in results:
            parts = result.address.split("/")
            if len(parts) == depth + 1:
                here.append(result)
            else:
                below.setdefault(parts[depth], []).append(result)
        children = tuple(
            cls.grow(inner, "/".join(filter(None, (name, part))), depth + 1) for part, inner in below.items()
        )
        return cls(name, tuple(here), children)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome below; an empty tree is skipped."""
        outcomes = [result.outcome for result in self.results] + [child.outcome for child in self.children]
        return max(outcomes, default=Outcome.SKIP)

    def walk(self) -> Iterator[CaseResult]:
        """Every result below."""
        yield from self.results
        for child in self.children:
            yield from child.walk()

    def count(self) -> dict[Outcome, int]:
        """How many results have each outcome."""
        counts = dict.fromkeys(Outcome, 0)
        for result in self.walk():
            counts[result.outcome] += 1
        return counts
