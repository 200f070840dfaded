"""Cases: what YAML files say about calls and what must come of them, checked and expanded.

The address of a case is the room, the file, the name and one component for each axis value, for example
`speech_recognition/formats/wav/offline/rate:8000`.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from ci.checked_yaml import load_checked
from ci.conformance.address import matches
from ci.conformance.audio import FORMATS
from ci.conformance.exchange import Call
from ci.conformance.passages import FORMS
from ci.errors import BadYaml
from pipelines.errors import UsageError

__all__ = ["SCHEMA", "Case", "Order", "Step", "Suite", "fill", "load_suites", "select"]

SCHEMA = Path(__file__).with_name("case.schema.yaml")

#: What a case can need: a model for a mode, utterances or passages of an evaluation set, what was recorded of them,
#: declared profane words.
NEEDS = frozenset({"offline", "streaming", "punctuation", "utterances", "passages", "recorded", "profane-words"})

_PLACEHOLDER = re.compile(r"\$\{([\w-]+)\}")


class Order(IntEnum):
    """When the cases of a file run."""

    FIRST = 0
    BETWEEN = 1
    LAST = 2


@dataclass(frozen=True)
class Step:
    """Calls of one kind; the steps of a case are made one after the other.

    Attributes:
        label: Tells the steps of a case apart.
        send: The keys of `send` in the file, those of the variant merged in.
    """

    label: str
    call: Call
    send: Mapping[str, Any]

    @property
    def signal(self) -> str:
        """What the audio is; empty for calls that send none."""
        return str(self.send.get("audio", {}).get("signal", "utterance")) if self.call.recognises else ""

    @property
    def needs(self) -> frozenset[str]:
        """What the call implies: a model for its mode, and the kind of evaluation set that it sends from."""
        needs = {self.call.mode} if self.call.mode else set()
        if self.signal == "utterance":
            needs.add("utterances")
        if self.call.rewrites and not isinstance(self.send.get("texts", 1), list):
            needs.add("passages")
        return frozenset(needs)


@dataclass(frozen=True)
class Case:
    """One behaviour at one point of its axes."""

    address: str
    title: str
    why: str
    order: Order
    alone: bool
    declared_needs: frozenset[str]
    steps: tuple[Step, ...]
    expect: Mapping[str, Any]

    @property
    def needs(self) -> frozenset[str]:
        """What there must be: what the calls imply, and what the file says."""
        return self.declared_needs.union(*(step.needs for step in self.steps))


@dataclass(frozen=True)
class Suite:
    """The cases of one file."""

    address: str
    about: str
    cases: tuple[Case, ...]


def load_suites(folders: Iterable[Path]) -> tuple[Suite, ...]:
    """Reads every `*.yaml` of the folders `<room>/cases`.

    Raises:
        BadYaml: A file is wrong, or two cases have one address.
    """
    suites = [_load(path) for folder in folders for path in sorted(folder.glob("*.yaml"))]
    suites.sort(key=lambda suite: min(case.order for case in suite.cases))
    seen: set[str] = set()
    for case in (case for suite in suites for case in suite.cases):
        if case.address in seen:
            raise BadYaml(f"{case.address}: two cases have this address", fix="rename one of them")
        seen.add(case.address)
    return tuple(suites)


def select(suites: Iterable[Suite], *, run: Sequence[str], skip: Sequence[str]) -> tuple[Suite, ...]:
    """The suites with only the cases that people asked for; all if no pattern is given.

    Raises:
        UsageError: Nothing is left.
    """

    def wanted(case: Case) -> bool:
        asked = not run or any(matches(pattern, case.address) for pattern in run)
        return asked and not any(matches(pattern, case.address) for pattern in skip)

    chosen = [Suite(each.address, each.about, tuple(filter(wanted, each.cases))) for each in suites]
    left = tuple(suite for suite in chosen if suite.cases)
    if not left:
        raise UsageError("--run and --skip leave no case", fix="`riva-conformance --list` prints the addresses")
    return left


def fill(value: Any, names: Mapping[str, Any]) -> Any:
    """Puts values for `${name}` in all strings below; unknown names stay. A lone placeholder keeps the value's type."""
    if isinstance(value, Mapping):
        return {key: fill(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole and whole[1] in names:
        return names[whole[1]]
    return _PLACEHOLDER.sub(lambda match: str(names.get(match[1], match[0])), value)


def _load(path: Path) -> Suite:
    data = load_checked(path, schema=SCHEMA)
    address = f"{path.parent.parent.name}/{path.stem}"
    order = Order[data.get("order", "between").upper()]
    cases = tuple(case for entry in data["cases"] for case in _expand(entry, address, order, path))
    return Suite(address, " ".join(data["about"].split()), cases)


def _expand(entry: Mapping[str, Any], suite: str, order: Order, path: Path) -> Iterator[Case]:
    axes = entry.get("each", {})
    for values in itertools.product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        parts = [value if isinstance(value, str) else f"{axis}:{value}" for axis, value in point.items()]
        address = "/".join([suite, entry["name"], *parts])
        filled = fill({key: value for key, value in entry.items() if key != "each"}, point)
        try:
            steps, needs = tuple(_steps(filled)), frozenset(filled.get("needs", ()))
            if needs - NEEDS:
                raise ValueError(
                    f"unknown needs {', '.join(needs - NEEDS)}, expected some of {', '.join(sorted(NEEDS))}"
                )
        except ValueError as error:
            raise BadYaml(f"{path}: {address}: {error}", fix=f"see {SCHEMA.name}") from error
        yield Case(
            address=address,
            title=filled["title"],
            why=" ".join(filled.get("why", "").split()),
            order=order,
            alone=filled.get("alone", False),
            declared_needs=needs,
            steps=steps,
            expect=filled["expect"],
        )


def _steps(entry: Mapping[str, Any]) -> Iterator[Step]:
    """Raises ValueError for names that only code knows: calls, formats and forms."""
    for number, variant in enumerate(entry.get("variants", [{}]), 1):
        own = {key: value for key, value in variant.items() if key not in ("label", "call")}
        send = _merge(entry.get("send", {}), own)
        name = send.get("audio", {}).get("format", "wav")
        if name not in FORMATS:
            raise ValueError(f"unknown audio format {name!r}, expected one of {', '.join(FORMATS)}")
        form = send.get("text", {}).get("form", "plain")
        if form not in FORMS:
            raise ValueError(f"unknown form of a text {form!r}, expected one of {', '.join(FORMS)}")
        label = variant.get("label", str(number) if "variants" in entry else "")
        yield Step(label, Call(variant.get("call", entry["call"])), send)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged
