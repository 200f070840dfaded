"""From a case to the requests that it makes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ci.conformance.audio import AudioSpec
from ci.conformance.case import Case, Step, fill
from ci.conformance.evaluation import Utterance
from ci.conformance.exchange import Request, StreamSpec
from ci.conformance.subject import Subject

__all__ = ["PlannedStep", "plain_request", "plan"]

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


def _plan_step(case: Case, step: Step, subject: Subject) -> PlannedStep:
    names = subject.names(step.call)
    send = fill(step.send, names)
    utterances: tuple[Utterance | None, ...] = (None,)
    if step.signal == "utterance":
        utterances = subject.choose(send.get("utterances", 1))
    repeat = send.get("repeat", 1)
    apart = repeat > 1 or send.get("fresh", False)
    requests = []
    for utterance in utterances:
        for turn in range(repeat):
            turn_name = f"#{turn + 1}" if repeat > 1 else ""
            label = " ".join(filter(None, (step.label, utterance.name if utterance else "", turn_name)))
            request = Request(
                call=step.call,
                utterance=utterance,
                audio=AudioSpec(**send.get("audio", {})),
                config=_config(send.get("config", {}), names) if step.call.recognises else "{}",
                stream=StreamSpec(**send.get("stream", {})),
                request_id=send.get("request_id", ""),
                service=send.get("service", ""),
                model=send.get("model", ""),
                seat=f"{case.address} {label}" if apart else "",
            )
            requests.append((label, request))
    return PlannedStep(tuple(requests), send.get("together", TOGETHER))


def _config(config: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    whole = {"language_code": names["language"], **config}
    return json.dumps({key: value for key, value in whole.items() if value is not None}, sort_keys=True)
