"""Checks of word time offsets, which are milliseconds since the start of the audio."""

from collections.abc import Iterator, Sequence
from typing import Any

from ci.conformance.checks.evidence import Answer, Evidence, Verdict
from ci.conformance.outcome import Finding
from ci.conformance.word_errors import align
from pipelines.words import words_of

__all__ = ["shifted", "word_offsets"]

#: A word may end this much after the audio: a model's time step is up to 80 ms, and the last one covers padding.
BEYOND_MS = 100


def word_offsets(expected: bool, evidence: Evidence) -> Verdict:
    """The words are those of the transcript; their times are ordered and lie inside the audio."""
    return Verdict(tuple(finding for answer in evidence.heard for finding in _faults(answer)))


def _faults(answer: Answer) -> Iterator[Finding]:
    exchange = answer.exchange
    words = [word.word for word in exchange.words]
    if words != exchange.transcript.split():
        yield Finding(f"words of {exchange.transcript!r}", " ".join(words) or "no words", answer.label)
    end_of_audio = round(1000 * exchange.audio_seconds)
    before = 0
    for word in exchange.words:
        where = f"{answer.label}, {word.word!r}"
        span = f"{word.start_time} to {word.end_time} ms"
        if word.end_time < word.start_time:
            yield Finding("an end after the start", span, where)
        if word.start_time < before:
            yield Finding(f"a start at or after {before} ms, the start of the word before", span, where)
        if word.end_time > end_of_audio + BEYOND_MS:
            yield Finding(f"an end within {end_of_audio} ms of audio", span, where)
        before = word.start_time
    if exchange.words and all(word.end_time == exchange.words[0].start_time for word in exchange.words):
        yield Finding("words that last", "all words start and end at one instant", answer.label)


def shifted(tolerance: float, evidence: Evidence) -> Verdict:
    """Silence before the speech moves each word by its length; words that are heard differently then do not count."""
    first: dict[object, Answer] = {}
    findings = []
    furthest = 0
    for answer in evidence.heard:
        base = first.setdefault(answer.exchange.request.utterance, answer).exchange
        lead = round(1000 * (answer.exchange.request.audio.lead - base.request.audio.lead))
        pairs = list(_common(base.words, answer.exchange.words))
        if len(pairs) < len(base.words) / 2:
            findings.append(Finding(repr(base.transcript), repr(answer.exchange.transcript), answer.label))
        for early, late in pairs:
            miss = abs(late.start_time - early.start_time - lead)
            furthest = max(furthest, miss)
            if miss > 1000 * tolerance:
                want = f"start at {early.start_time + lead} ms, within {round(1000 * tolerance)} ms"
                findings.append(Finding(want, f"{late.start_time} ms", f"{answer.label}, {late.word!r}"))
    return Verdict(tuple(findings), {"furthest from its place": f"{furthest} ms"})


def _common(first: Sequence[Any], second: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """The words that both have, in the cheapest alignment; marks and capitals make no other word."""
    _, pairs = align(*([" ".join(words_of(word.word)) for word in words] for words in (first, second)))
    ours, theirs = iter(first), iter(second)
    for left, right in pairs:
        word, other = (next(ours) if left else None), (next(theirs) if right else None)
        if left == right:
            yield word, other
