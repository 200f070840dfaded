"""Checks of the lists of models: what is deployed is what was meant to be."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from ci.conformance.checks.evidence import Evidence, Verdict
from ci.conformance.exchange import Call
from ci.conformance.outcome import Finding
from ci.conformance.server import MODES, Listing

__all__ = ["models"]

#: What clients read: the Python client filters its list of models by `type`, everyone selects by `language_code`.
PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"asr": ("language_code", "type", "streaming", "offline", "sample_rate"), "nlp": ("language_code",)}
)


def models(expected: list[str], evidence: Evidence) -> Verdict:
    """The named properties of the list of models."""
    findings: list[Finding] = []
    facts = {}
    for answer in evidence.answers:
        request = answer.exchange.request
        service = "nlp" if request.call is Call.NLP_MODELS else "asr"
        listing = Listing.parse(answer.exchange.replies[0].message, service)
        facts["models"] = ", ".join(model.name for model in listing.models)
        for name in expected:
            findings += _PROPERTIES[name](listing, evidence, service, request.model)
    return Verdict(tuple(findings), facts)


def _listed(listing: Listing, evidence: Evidence, service: str, name: str) -> Iterator[Finding]:
    if not listing.models:
        yield Finding("at least one model", "an empty list")


def _described(listing: Listing, evidence: Evidence, service: str, name: str) -> Iterator[Finding]:
    for model in listing.models:
        absent = [parameter for parameter in PARAMETERS[service] if parameter not in model.parameters]
        if absent:
            yield Finding(f"parameters {', '.join(PARAMETERS[service])}", f"no {', '.join(absent)}", model.name)
        if model.mode == "unknown":
            got = model.parameters.get("type" if service == "asr" else "pipeline", "")
            yield Finding(f"a model for {' or '.join(MODES[service])}", repr(got), model.name)


def _declared(listing: Listing, evidence: Evidence, service: str, name: str) -> Iterator[Finding]:
    declared = evidence.subject.declaration.pairs
    if declared is None:
        return
    pairs = frozenset(pair for pair in declared if pair[1] in MODES[service])
    for language, mode in sorted(pairs - listing.pairs):
        yield Finding(f"a model for {language}, {mode}, as declared", f"only {_pairs(listing.pairs)}")
    for language, mode in sorted(listing.pairs - pairs):
        yield Finding(f"only what is declared: {_pairs(pairs)}", f"a model for {language}, {mode} too")


def _only_named(listing: Listing, evidence: Evidence, service: str, name: str) -> Iterator[Finding]:
    if [model.name for model in listing.models] != [name]:
        yield Finding(f"only {name}", ", ".join(model.name for model in listing.models) or "an empty list")


def _pairs(pairs: frozenset[tuple[str, str]]) -> str:
    return "; ".join(f"{language}, {mode}" for language, mode in sorted(pairs)) or "nothing"


_PROPERTIES: Mapping[str, Callable[[Listing, Evidence, str, str], Iterator[Finding]]] = {
    "listed": _listed,
    "described": _described,
    "declared": _declared,
    "only-named": _only_named,
}
