"""From a case to the requests that it makes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ci.conformance.audio import AudioSpec
from ci.conformance.case import Case, Step, fill
from ci.conformance.evaluation import Passage, Utterance
from ci.conformance.exchange import Call, Exchange, Request, StreamSpec
from ci.conformance.passages import TextSpec, literal, make_passages
from ci.conformance.subject import Subject

__all__ = ["PlannedStep", "plain_request", "plan", "punctuating_request"]

#: Requests of one step at a time, where the case does not say: enough to keep two cores busy.
TOGETHER = 4


@dataclass(frozen=True)
class PlannedStep:
    """The requests of one step, each with the label that tells it from the others of its case."""

    requests: tuple[tuple[str, Request], ...]
    together: int


def plan(case: Case, subject: Subject) -> tuple[PlannedStep, ...]:
    """Makes the requests of every step of a case."""
    return tuple(_plan_step(case, step, subject) for step in case.steps)


def plain_request(request: Request, subject: Subject) -> Request:
    """The most ordinary request for the same utterance in the same mode: what other requests are compared with."""
    return Request(request.call, request.utterance, config=_config({}, subject.names(request.call)))


def punctuating_request(exchange: Exchange, subject: Subject) -> Request:
    """Has the results of a recognition punctuated, one by one, in the language that was spoken."""
    spoken = tuple(Passage(f"result {number}", top.transcript) for number, top in enumerate(exchange.tops, 1))
    return Request(Call.PUNCTUATE, passages=spoken, language=subject.language(exchange.request.call.mode))


def _plan_step(case: Case, step: Step, subject: Subject) -> PlannedStep:
    names = subject.names(step.call)
    send = fill(step.send, names)
    repeat = send.get("repeat", 1)
    apart = repeat > 1 or send.get("fresh", False)
    requests = []
    for name, request in _requests(step, send, subject, names):
        for turn in range(repeat):
            turn_name = f"#{turn + 1}" if repeat > 1 else ""
            label = " ".join(filter(None, (step.label, name, turn_name)))
            requests.append((label, replace(request, seat=f"{case.address} {label}" if apart else "")))
    return PlannedStep(tuple(requests), send.get("together", TOGETHER))


def _requests(
    step: Step, send: Mapping[str, Any], subject: Subject, names: Mapping[str, Any]
) -> Iterator[tuple[str, Request]]:
    """The requests of one turn of a step, with the names of what is sent."""
    request = Request(
        call=step.call, request_id=send.get("request_id", ""), model=send.get("model", ""), give_up=send.get("give_up")
    )
    if step.call.rewrites:
        language = send.get("language", names["language"])
        for batch in _batches(send, subject):
            name = batch[0].name if len(batch) == 1 else f"{len(batch)} texts"
            yield name, replace(request, passages=batch, language=language)
    elif step.call.recognises:
        utterances: tuple[Utterance | None, ...] = (None,)
        if step.signal == "utterance":
            utterances = subject.choose_utterances(send.get("utterances", 1))
        for utterance in utterances:
            yield (
                utterance.name if utterance else "",
                replace(
                    request,
                    utterance=utterance,
                    audio=AudioSpec(**send.get("audio", {})),
                    config=_config(send.get("config", {}), names),
                    stream=StreamSpec(**send.get("stream", {})),
                ),
            )
    else:
        yield "", replace(request, service=send.get("service", ""))


def _batches(send: Mapping[str, Any], subject: Subject) -> Iterator[tuple[Passage, ...]]:
    texts = send.get("texts", 1)
    chosen = literal(texts) if isinstance(texts, list) else subject.choose_passages(texts)
    passages = make_passages(TextSpec(**send.get("text", {})), chosen)
    size = send.get("batch", 1) if passages else 1
    for start in range(0, len(passages), size):
        yield passages[start : start + size]
    if not passages:
        yield ()


def _config(config: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    whole = {"language_code": names["language"], **config}
    return json.dumps({key: value for key, value in whole.items() if value is not None}, sort_keys=True)
