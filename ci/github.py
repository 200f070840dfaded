"""What GitHub Actions shows of a run: annotations and the step summary. The only reader of GITHUB_* variables.

Elsewhere than in GitHub Actions every function does nothing.
"""

import os
import sys
from pathlib import Path

from pipelines.errors import RivaError

__all__ = ["annotate", "note", "summarise"]


def annotate(error: RivaError, *, title: str) -> None:
    """Shows an error twice (an annotation of one line, a section of the step summary with the remedy)."""
    if not _in_actions():
        return
    note("error", error.what, title=title)
    parts = [f"### ❌ {title}", f"```text\n{error.what}\n```"]
    parts += [f"**{name}:** {text}" for name, text in (("Why", error.why), ("Fix", error.fix)) if text]
    summarise("\n\n".join(parts))


def note(level: str, text: str, *, title: str) -> None:
    """Shows an annotation of one line; `level` is `error`, `warning` or `notice`."""
    if _in_actions():
        print(f"::{level} title={_property(title)}::{_message(text)}", file=sys.stderr, flush=True)


def summarise(markdown: str) -> None:
    """Appends a section to the step summary."""
    if _in_actions() and (path := os.environ.get("GITHUB_STEP_SUMMARY")):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{markdown}\n\n")


def _in_actions() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _message(text: str) -> str:
    """Text as a workflow command takes it: a line of its own would end the command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
