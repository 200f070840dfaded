"""Texts as clients send them: those of the evaluation set or of the case itself, in other forms and lengths."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from types import MappingProxyType

from ci.conformance.evaluation import Passage

__all__ = ["FORMS", "TextSpec", "literal", "make_passages"]

#: What can be sent of a passage.
FORMS: Mapping[str, Callable[[Passage], str]] = MappingProxyType(
    {
        "plain": lambda passage: passage.text,
        "punctuated": lambda passage: passage.punctuated,
        "upper-case": lambda passage: passage.text.upper(),
        "joined": lambda passage: passage.text.replace(" ", ""),
        "spread": lambda passage: "\t" + passage.text.replace(" ", " \n ") + "  ",
    }
)


@dataclass(frozen=True)
class TextSpec:
    """What is sent of the passages.

    Attributes:
        form: A name of `FORMS`; `joined` has no white space between the words, `spread` has other than a space.
        fill: Passages are put one after the other, and repeated, until they are so many bytes long.
    """

    form: str = "plain"
    fill: int = 0


def literal(texts: Sequence[str]) -> tuple[Passage, ...]:
    """Texts that a case says itself; nothing is known of how they should come back."""
    return tuple(Passage(repr(text), text) for text in texts)


def make_passages(spec: TextSpec, passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages as they are sent. What was recorded holds for the plain form only."""
    if spec.fill:
        return (_filled(spec.fill, passages),)
    if spec.form == "plain":
        return tuple(passages)
    return tuple(replace(passage, text=FORMS[spec.form](passage), recorded=None) for passage in passages)


def _filled(size: int, passages: Sequence[Passage]) -> Passage:
    texts, punctuated, length = [], [], 0
    for passage in cycle(passages):
        texts.append(passage.text)
        punctuated.append(passage.punctuated)
        length += len(passage.text.encode()) + 1
        if length > size:
            return Passage(f"{length - 1} bytes", " ".join(texts), " ".join(punctuated))
    raise ValueError("there is no passage to fill with")
