"""Checks of what a stream says while it runs."""

from collections.abc import Iterator
from typing import Any

from ci.conformance.checks.evidence import Answer, Evidence, Verdict
from ci.conformance.exchange import Exchange
from ci.conformance.outcome import Finding

__all__ = [
    "audio_processed",
    "early_final",
    "final",
    "interim_is_prefix",
    "interim_latency",
    "one_response_per_message",
    "stability",
]

#: A final result counts as early if the server had still so many seconds of audio to hear.
EARLY_SECONDS = 0.3


def final(expected: bool, evidence: Evidence) -> Verdict:
    """The last result with text is final: otherwise clients lose the end of what was said."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            texts = [result for result in answer.exchange.results if result.alternatives]
            if not texts:
                yield Finding("a final result", "no result", answer.label)
            elif not texts[-1].is_final:
                yield Finding("a last result that is final", "an interim one", answer.label)

    return Verdict(tuple(findings()))


def early_final(expected: bool, evidence: Evidence) -> Verdict:
    """Whether speech that ends is made final while the stream goes on (endpointing)."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            exchange = answer.exchange
            early = [r for r in exchange.finals if r.audio_processed < exchange.audio_seconds - EARLY_SECONDS]
            if bool(early) != expected:
                times = ", ".join(f"{result.audio_processed:.2f} s" for result in exchange.finals) or "never"
                want = f"{'a' if expected else 'no'} final result before the end at {exchange.audio_seconds:.2f} s"
                yield Finding(want, f"final at {times}", answer.label)

    return Verdict(tuple(findings()))


def audio_processed(tolerance: float, evidence: Evidence) -> Verdict:
    """The last result tells the length of the audio, and the count never runs backwards."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            exchange = answer.exchange
            counts = [result.audio_processed for result in exchange.results]
            last = counts[-1] if counts else 0.0
            if abs(last - exchange.audio_seconds) > tolerance:
                yield Finding(f"{exchange.audio_seconds:.2f} s, within {tolerance:g} s", f"{last:.2f} s", answer.label)
            if counts != sorted(counts):
                yield Finding("a count that grows", ", ".join(f"{count:.2f}" for count in counts), answer.label)

    return Verdict(tuple(findings()))


def one_response_per_message(expected: bool, evidence: Evidence) -> Verdict:
    """As many responses as messages of audio, or one more: otherwise NVIDIA's C++ client reports no latencies."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            messages, responses = answer.exchange.messages, len(answer.exchange.replies)
            if responses not in (messages, messages + 1):
                yield Finding(f"{messages} or {messages + 1} responses", str(responses), answer.label)

    return Verdict(tuple(findings()))


def stability(expected: bool, evidence: Evidence) -> Verdict:
    """Interim results have a stability in (0, 1]."""

    def findings() -> Iterator[Finding]:
        for answer in evidence.heard:
            interims = _interims(answer.exchange)
            wrong = sorted({f"{result.stability:g}" for _, result in interims if not 0 < result.stability <= 1})
            if wrong:
                yield Finding("a stability above 0 and at most 1", ", ".join(wrong), answer.label)
        if not any(_interims(answer.exchange) for answer in evidence.heard):
            yield Finding("interim results", "none")

    return Verdict(tuple(findings()))


def interim_is_prefix(share: float, evidence: Evidence) -> Verdict:
    """All but the last word of an interim text are how the final text begins, for this share of the interim texts."""
    agree = total = 0
    for answer in evidence.heard:
        words = answer.exchange.transcript.split()
        for _, shown, interim in _shown(answer.exchange):
            if not interim:
                continue
            total += 1
            agree += shown[:-1] == words[: len(shown) - 1]
    got = agree / total if total else 0.0
    findings = (
        [Finding(f"at least {share:.0%} of the interim texts begin the final one", f"{got:.0%}")] if got < share else []
    )
    return Verdict(tuple(findings), {"interim texts that begin the final one": f"{got:.0%} of {total}"})


def interim_latency(expected: dict[str, float], evidence: Evidence) -> Verdict:
    """A word is shown within chunk + right padding + margin of its end, for this share of the words."""
    subject = evidence.subject
    limit = subject.chunk_seconds + subject.right_padding_seconds + expected["margin"]
    late: list[tuple[float, str, Answer]] = []
    delays: list[float] = []
    for answer in evidence.heard:
        for word, delay in _delays(answer.exchange):
            delays.append(delay)
            if delay > limit:
                late.append((delay, word, answer))
    if not delays:
        return Verdict((Finding("words with time offsets", "none"),))
    timely = 1 - len(late) / len(delays)
    findings = []
    if timely < expected["share"]:
        delay, word, answer = max(late, key=lambda each: each[0])
        got = f"{timely:.0%}; {word!r} after {delay:.2f} s"
        findings.append(
            Finding(f"{expected['share']:.0%} of the words shown within {limit:.2f} s of their end", got, answer.label)
        )
    median = sorted(delays)[len(delays) // 2]
    facts = {
        "median delay of a word": f"{median:.2f} s of {limit:.2f} s",
        "words in time": f"{timely:.0%} of {len(delays)}",
    }
    return Verdict(tuple(findings), facts)


def _interims(exchange: Exchange) -> list[tuple[float, Any]]:
    replies = exchange.replies
    return [(reply.at, each) for reply in replies for each in reply.message.results if not each.is_final]


def _shown(exchange: Exchange) -> Iterator[tuple[float, list[str], bool]]:
    """When a user sees what: the final texts so far with the interim ones of a response, and whether it has any."""
    settled: list[str] = []
    for reply in exchange.replies:
        interim: list[str] = []
        for result in reply.message.results:
            words = result.alternatives[0].transcript.split() if result.alternatives else []
            (settled if result.is_final else interim).extend(words)
        if settled or interim:
            yield reply.at, settled + interim, bool(interim)


def _delays(exchange: Exchange) -> Iterator[tuple[str, float]]:
    """For every word of the final text, how long after its end it stood in its place for the first time."""
    shown = list(_shown(exchange))
    for index, word in enumerate(exchange.words):
        at = next((at for at, words, _ in shown if len(words) > index and words[index] == word.word), exchange.seconds)
        yield word.word, at - word.end_time / 1000
