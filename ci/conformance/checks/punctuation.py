"""Checks of texts that came back with marks and capitals: every word as it was sent, and what was put to it."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from ci.conformance.checks.evidence import Answer, Evidence, Verdict, shown
from ci.conformance.evaluation import Passage
from ci.conformance.outcome import Finding, Score

__all__ = ["accuracy", "answers", "changed", "one_each", "punctuated", "recorded", "unpunctuated", "words_kept"]

_READABLE = 10_000  # characters of a text that reports show word by word
_MARKS = re.compile(r"[^\w\s']+$")


def one_each(evidence: Evidence) -> Verdict:
    """As many texts come back as were sent; always checked, for otherwise nobody knows which answer is whose."""
    findings = []
    for answer in (each for each in evidence.heard if each.exchange.request.call.rewrites):
        sent, got = len(answer.exchange.request.passages), len(answer.exchange.texts)
        if sent != got:
            findings.append(Finding(f"{sent} texts, one for each that was sent", str(got), answer.label))
    return Verdict(tuple(findings))


def changed(expected: bool, evidence: Evidence) -> Verdict:
    """Each text differs from what was sent, and together they have marks and capitals, if any are expected.

    A single text may lack its marks, which `accuracy` counts; a server that writes none at all does not serve.
    """
    findings = []
    want, got = set(), set()
    for answer, passage, text in _pairs(evidence):
        if text == passage.text:
            wanted = shown(passage.punctuated) if passage.punctuated else "marks and capitals"
            findings.append(Finding(wanted, "the text as it was sent", _where(answer, passage)))
        want |= _signs(passage.punctuated)
        got |= _signs(text)
    if not findings and want - got:
        findings.append(Finding(" and ".join(sorted(want)), f"no {' and no '.join(sorted(want - got))} in any text"))
    return Verdict(tuple(findings))


def words_kept(expected: bool, evidence: Evidence) -> Verdict:
    """The words are those that were sent, in their order, but for case and for marks that were put behind them."""

    def findings() -> Iterator[Finding]:
        for answer, passage, got in _pairs(evidence):
            sent, back = passage.text.split(), got.split()
            wrong = next((pair for pair in zip(sent, back, strict=False) if not _same_word(*pair)), None)
            if len(sent) != len(back):
                yield Finding(f"{len(sent)} words", f"{len(back)}: {shown(got)}", _where(answer, passage))
            elif wrong is not None:
                yield Finding(shown(wrong[0]), shown(wrong[1]), _where(answer, passage))

    return Verdict(tuple(findings()))


def recorded(expected: bool, evidence: Evidence) -> Verdict:
    """Each text is what the checkpoint's own framework made of it."""

    def findings() -> Iterator[Finding]:
        for answer, passage, got in _pairs(evidence):
            if passage.recorded is not None and got != passage.recorded:
                want, back = _from_the_difference(passage.recorded.split(" "), got.split(" "))
                yield Finding(f"{shown(want)}, as recorded", shown(back), _where(answer, passage))

    compared = sum(passage.recorded is not None for _, passage, _ in _pairs(evidence))
    return Verdict(tuple(findings()), {"texts compared with recordings": str(compared)})


def answers(expected: Sequence[str], evidence: Evidence) -> Verdict:
    """The texts themselves, in the order of those that were sent."""
    findings = []
    for answer in evidence.heard:
        for (_, got), want in zip(answer.exchange.said, expected, strict=False):
            if got != want:
                findings.append(Finding(shown(want), shown(got), answer.label))
    return Verdict(tuple(findings))


def accuracy(expected: Sequence[str], evidence: Evidence) -> Verdict:
    """Words that are wrong in `punctuation`, or in `capitalisation`, over all words; each within its limit."""
    scores = tuple(_score(*pair) for pair in _pairs(evidence) if len(pair[1].text) < _READABLE)
    mode = "/".join(sorted({answer.exchange.request.call for answer in evidence.heard}))
    findings, facts = [], {}
    for name in expected:
        limit = evidence.subject.limit(name)
        counts = [_wrong(name, passage.punctuated, got) for _, passage, got in _pairs(evidence)]
        wrong, words = sum(wrong for wrong, _ in counts), sum(words for _, words in counts)
        rate = wrong / max(1, words)
        facts[f"words wrong in {name}, {mode}"] = f"{rate:.2%} of {limit:.2%}"
        if rate > limit:
            findings.append(Finding(f"words wrong in {name}: at most {limit:.2%}", f"{rate:.2%} ({wrong} of {words})"))
    return Verdict(tuple(findings), facts, scores)


def punctuated(expected: bool, evidence: Evidence) -> Verdict:
    """A transcript is what the server's own punctuation makes of the plain results, and is not the plain one."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            got, plain = answer.exchange.transcript, answer.plain.transcript if answer.plain else ""
            if answer.punctuated is None:
                yield Finding("a plain transcript to compare with", "none", answer.label)
            elif answer.punctuated.code != "OK":
                yield Finding("OK to PunctuateText", answer.punctuated.code, answer.label)
            elif got != (want := " ".join(answer.punctuated.texts)):
                yield Finding(f"{shown(want)}, as PunctuateText says", shown(got), answer.label)
            elif got == plain:
                yield Finding("marks or capitals", f"{shown(got)}, the plain transcript", answer.label)

    return Verdict(tuple(findings()))


def unpunctuated(expected: bool, evidence: Evidence) -> Verdict:
    """A transcript has neither marks nor capitals."""
    findings = []
    for answer in evidence.heard:
        got = answer.exchange.transcript
        if _marks(got) or any(map(str.isupper, got)):
            findings.append(Finding("no marks and no capitals", shown(got), answer.label))
    return Verdict(tuple(findings))


def _pairs(evidence: Evidence) -> Iterator[tuple[Answer, Passage, str]]:
    for answer in evidence.heard:
        for passage, got in answer.exchange.said:
            assert isinstance(passage, Passage)
            yield answer, passage, got


def _where(answer: Answer, passage: Passage) -> str:
    return answer.label if passage.name in answer.label else f"{answer.label}, {passage.name}"


def _from_the_difference(want: list[str], got: list[str]) -> tuple[str, str]:
    """Both from the first word that differs."""
    same = next((place for place, pair in enumerate(zip(want, got, strict=False)) if len(set(pair)) > 1), len(want))
    return " ".join(want[same:]), " ".join(got[same:])


def _marks(text: str) -> list[str]:
    """What stands behind the words that have something behind them."""
    return list(filter(None, map(_mark, text.split())))


def _signs(text: str) -> set[str]:
    """Whether a text has `marks` and `capitals`."""
    found = {"marks": bool(_marks(text)), "capitals": any(map(str.isupper, text))}
    return {name for name, there in found.items() if there}


def _mark(word: str) -> str:
    match = _MARKS.search(word)
    return match[0] if match else ""


def _capital(word: str) -> str:
    return "capital" if word[:1].isupper() else ""


#: What of a word is compared, by the name of the limit.
_COMPARED: Mapping[str, Callable[[str], str]] = MappingProxyType({"punctuation": _mark, "capitalisation": _capital})


def _wrong(name: str, reference: str, got: str) -> tuple[int, int]:
    """Words that differ, and all words; a text with another number of words is wrong altogether."""
    want, back, of = reference.split(), got.split(), _COMPARED[name]
    if len(want) != len(back):
        return len(want), len(want)
    return sum(of(left) != of(right) for left, right in zip(want, back, strict=True)), len(want)


def _same_word(sent: str, back: str) -> bool:
    """Whether `back` is `sent` in any case, with nothing but marks behind it."""
    folded, start = unicodedata.normalize("NFC", back.casefold()), unicodedata.normalize("NFC", sent.casefold())
    rest = folded.removeprefix(start)
    return folded.startswith(start) and all(unicodedata.category(sign).startswith("P") for sign in rest)


def _score(answer: Answer, passage: Passage, got: str) -> Score:
    want, back = passage.punctuated.split(), got.split()
    pieces = tuple(zip(want, back, strict=True)) if len(want) == len(back) else ((passage.punctuated, got),)
    return Score(
        item=passage.name,
        mode=answer.exchange.request.call,
        reference=passage.punctuated,
        hypothesis=got,
        errors=sum(left != right for left, right in pieces),
        words=len(want),
        seconds=answer.exchange.seconds,
        pieces=pieces,
    )
