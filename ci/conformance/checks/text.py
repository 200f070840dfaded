"""Checks of what was recognised."""

from collections.abc import Iterator, Sequence

from ci.conformance.checks.evidence import Answer, Evidence, Verdict, shown
from ci.conformance.exchange import Call, Exchange
from ci.conformance.outcome import Finding, Score
from ci.conformance.word_errors import align
from pipelines.words import words_of

__all__ = ["alternatives", "masked", "same", "streaming_minus_offline", "transcript", "word_error_rate"]


def transcript(expected: str, evidence: Evidence) -> Verdict:
    """`plain`: as for the plainest request; `some`: any text; `none`: no result that holds text."""
    findings = []
    for answer in evidence.heard:
        got = answer.exchange.transcript
        if answer.plain is not None and answer.plain.code != "OK":
            findings.append(Finding("OK to a plain request", answer.plain.code, answer.label))
        elif expected == "none" and got:
            findings.append(Finding("no text", repr(got), answer.label))
        elif expected != "none" and not got:
            findings.append(Finding("some text", "an empty transcript", answer.label))
        elif expected == "plain" and answer.plain is not None and got != answer.plain.transcript:
            findings.append(Finding(f"{answer.plain.transcript!r}, as for a plain request", repr(got), answer.label))
    return Verdict(tuple(findings))


def word_error_rate(expected: dict[str, float | str], evidence: Evidence) -> Verdict:
    """Word errors over spoken words, of all utterances together; an empty transcript is wrong whatever the limit."""
    scores = tuple(map(_score, evidence.heard))
    limit = evidence.subject.limit(expected["limit"]) + float(expected.get("slack", 0))
    rate = _rate(scores)
    findings = list(_empty(scores))
    if rate > limit:
        worst = ", ".join(score.item for score in sorted(scores, key=_own_rate, reverse=True)[:3])
        got = f"{rate:.2%} ({sum(score.errors for score in scores)} of {sum(score.words for score in scores)} words)"
        findings.append(Finding(f"word error rate at most {limit:.2%}", got, f"worst: {worst}"))
    mode = "/".join(sorted({score.mode for score in scores}))
    return Verdict(tuple(findings), {f"word error rate, {mode}": f"{rate:.2%} of {limit:.2%}"}, scores)


def streaming_minus_offline(expected: float | str, evidence: Evidence) -> Verdict:
    """How much worse streaming is than offline, on the same utterances."""
    limit = evidence.subject.limit(expected)
    scores = tuple(map(_score, evidence.heard))
    gap = _rate([s for s in scores if s.mode == Call.STREAMING]) - _rate([s for s in scores if s.mode == Call.OFFLINE])
    findings = [Finding(f"streaming at most {limit:.2%} worse than offline", f"{gap:.2%}")] if gap > limit else []
    return Verdict(tuple(findings), {"streaming minus offline": f"{gap:+.2%} of {limit:.2%}"})


def same(expected: bool, evidence: Evidence) -> Verdict:
    """One utterance has one transcript, and one text one answer, in all variants, forms and repetitions."""
    first: dict[object, tuple[str, str]] = {}
    findings = []
    for answer in evidence.heard:
        for item, got in answer.exchange.said:
            want, label = first.setdefault(item and item.name, (got, answer.label))
            if got != want:
                findings.append(Finding(f"{shown(want)}, as in {label}", shown(got), answer.label))
    return Verdict(tuple(findings))


def alternatives(expected: int, evidence: Evidence) -> Verdict:
    """At least one and at most so many alternatives a result."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            for result in answer.exchange.finals:
                if not 1 <= len(result.alternatives) <= expected:
                    yield Finding(f"1 to {expected} alternatives", str(len(result.alternatives)), answer.label)

    return Verdict(tuple(findings()))


def masked(expected: str, evidence: Evidence) -> Verdict:
    """Each declared profane word that is spoken shows its first letter and asterisks, and all other words as ever.

    Case and marks do not matter, so that it can be said of punctuated transcripts too.
    """
    profane = {word.casefold() for word in evidence.subject.declaration.profane_words}
    findings = []
    spoken = 0
    for answer in evidence.heard:
        plain = answer.plain.transcript.split() if answer.plain else []
        spoken += sum(word.casefold() in profane for word in plain)
        want = " ".join(_mask(word) if word.casefold() in profane else word for word in plain)
        if _bare(answer.exchange.transcript) != _bare(want):
            findings.append(Finding(repr(want), repr(answer.exchange.transcript), answer.label))
    if not spoken and expected == "spoken":
        want = "the evaluation set to hold a declared profane word"
        findings.append(Finding(want, f"none of {', '.join(sorted(profane))} was recognised"))
    return Verdict(tuple(findings), {"profane words spoken": str(spoken)})


def _bare(transcript: str) -> list[str]:
    return [word.rstrip(".,?!").casefold() for word in transcript.split()]


def _mask(word: str) -> str:
    return word[0] + "*" * (len(word) - 1)


def _score(answer: Answer) -> Score:
    exchange: Exchange = answer.exchange
    utterance = exchange.request.utterance
    if utterance is None:
        raise ValueError("word errors are counted for utterances only")
    reference = words_of(utterance.text)
    errors, pieces = align(reference, words_of(exchange.transcript))
    return Score(
        item=utterance.name,
        mode=exchange.request.call,
        reference=utterance.text,
        hypothesis=exchange.transcript,
        errors=errors,
        words=len(reference),
        audio_seconds=exchange.audio_seconds,
        seconds=exchange.seconds,
        pieces=pieces,
    )


def _rate(scores: Sequence[Score]) -> float:
    return sum(score.errors for score in scores) / max(1, sum(score.words for score in scores))


def _own_rate(score: Score) -> float:
    return score.errors / max(1, score.words)


def _empty(scores: Sequence[Score]) -> Iterator[Finding]:
    for score in scores:
        if score.words and not score.hypothesis:
            yield Finding(repr(score.reference), "an empty transcript", f"{score.mode} {score.item}")
