"""Reports of a run: for the terminal, JSON for machines, JUnit XML for CI, one HTML page for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ci.conformance.outcome import ResultTree
from ci.conformance.run import Run
from pipelines.errors import MissingInput, UsageError
from pipelines.outputs import atomic_file

__all__ = ["Report", "read_facts", "write_reports"]

#: The cases whose measurements stand at the top of a report.
HEADLINES = (
    "recognition/word-error-rate",
    "recognition/streaming-minus-offline",
    "invariants/interim-latency",
    "content/accuracy",
)


@dataclass(frozen=True)
class Report:
    """A run with what its readers need beside it.

    Attributes:
        about: What each suite proves, by its address.
        facts: Anything about the stages before, shown as it is: {heading: {name: value} or [{column: value}]}.
    """

    run: Run
    title: str
    about: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def tree(self) -> ResultTree:
        return ResultTree.grow(self.run.results)

    @property
    def measured(self) -> Mapping[str, str]:
        """What was measured over the whole evaluation set, or at the pace of speech."""
        results = [result for result in self.run.results if any(f"/{name}" in result.address for name in HEADLINES)]
        return {name: value for result in results for name, value in result.facts.items()}


def read_facts(path: Path) -> Mapping[str, Any]:
    """Reads the facts for a report from JSON.

    Raises:
        MissingInput: The file cannot be read.
        UsageError: It is not a JSON object.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingInput(f"cannot read {path}: {error.strerror}", fix="check --facts") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", fix="check --facts") from error
    if not isinstance(facts, dict):
        raise UsageError(f"{path}: expected a JSON object, got {type(facts).__name__}", fix="check --facts")
    return facts


def write_reports(report: Report, folder: Path) -> Iterator[Path]:
    """Writes `conformance.json`, `.xml` and `.html`, and yields their paths; older ones are replaced.

    Raises:
        OutputFailed: The disk is full, or the folder cannot be written.
    """
    from ci.conformance.reports import document, junit, page

    texts = {"json": document.render(report), "xml": junit.render(report), "html": page.render(report)}
    for suffix, text in texts.items():
        path = folder / f"conformance.{suffix}"
        with atomic_file(path, force=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
        yield path
