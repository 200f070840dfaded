"""What a case may expect: the table from the keys of `expect` to the functions that judge them."""

from collections.abc import Mapping
from types import MappingProxyType

from ci.conformance.case import Case
from ci.conformance.checks import listing, punctuation, status, stream, text, words
from ci.conformance.checks.evidence import Answer, Check, Evidence, Verdict

__all__ = ["CHECKS", "Answer", "Evidence", "Verdict", "judge"]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "status": status.status,
        "serving": status.serving,
        "request_id": status.request_id,
        "models": listing.models,
        "transcript": text.transcript,
        "word_error_rate": text.word_error_rate,
        "streaming_minus_offline": text.streaming_minus_offline,
        "same": text.same,
        "alternatives": text.alternatives,
        "masked": text.masked,
        "final": stream.final,
        "early_final": stream.early_final,
        "audio_processed": stream.audio_processed,
        "one_response_per_message": stream.one_response_per_message,
        "stability": stream.stability,
        "interim_is_prefix": stream.interim_is_prefix,
        "interim_latency": stream.interim_latency,
        "word_offsets": words.word_offsets,
        "shifted": words.shifted,
        "answers": punctuation.answers,
        "changed": punctuation.changed,
        "words_kept": punctuation.words_kept,
        "recorded": punctuation.recorded,
        "accuracy": punctuation.accuracy,
        "punctuated": punctuation.punctuated,
        "unpunctuated": punctuation.unpunctuated,
    }
)


def judge(case: Case, evidence: Evidence) -> Verdict:
    """Judges everything that a case expects.

    Every call must end with OK unless the case expects another status; where it does not, nothing else is looked at,
    because an answer that did not come has no other faults. As many texts must come back as were sent.
    """
    verdict = status.status(case.expect.get("status", {"code": "OK"}), evidence)
    if not verdict.findings and "status" not in case.expect:
        verdict = punctuation.one_each(evidence)
    if verdict.findings:
        return verdict
    for name, argument in case.expect.items():
        if name != "status":
            verdict += CHECKS[name](argument, evidence)
    return verdict
