"""Deliberate mistakes, one module for each kind of case."""

from collections.abc import Iterator

from tests.conformance.mistakes import (
    combination,
    configuration,
    errors,
    formats,
    health,
    invariants,
    liveness,
    punctuation,
    recognition,
    texts,
)
from tests.conformance.mistakes.wrong_server import WrongServer

__all__ = ["MISTAKES", "WrongServer"]

KINDS = (health, configuration, recognition, formats, errors, invariants, punctuation, texts, combination, liveness)


def _mistakes() -> Iterator[type[WrongServer]]:
    for kind in KINDS:
        for value in vars(kind).values():
            if isinstance(value, type) and issubclass(value, WrongServer) and value.__module__ == kind.__name__:
                yield value


MISTAKES = tuple(mistake for mistake in _mistakes() if hasattr(mistake, "caught_by"))
