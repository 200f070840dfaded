"""What GitHub Actions tells a run, and shows of it. The only reader of GITHUB_* variables.

Elsewhere than in GitHub Actions nothing is shown, and what nobody has set is None or a public default.
"""

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import RivaError

__all__ = [
    "annotate",
    "annotated",
    "api_url",
    "event_name",
    "note",
    "ref_name",
    "repository",
    "run_id",
    "run_url",
    "server_url",
    "set_output",
    "sha",
    "summarise",
    "token",
]


def api_url() -> str:
    """Where the REST API is; an enterprise server has its own."""
    return (os.environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")


def server_url() -> str:
    """Where people read the repository."""
    return (os.environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/")


def token() -> str | None:
    """The token of the REST API: GITHUB_TOKEN, or GH_TOKEN as the `gh` tool has it. Never print it."""
    return os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN") or None


def repository() -> str | None:
    """The repository that runs the workflow, as `owner/name`."""
    return os.environ.get("GITHUB_REPOSITORY") or None


def event_name() -> str | None:
    """What started the workflow: `push`, `pull_request`, `workflow_dispatch`, `schedule`."""
    return os.environ.get("GITHUB_EVENT_NAME") or None


def ref_name() -> str | None:
    """The branch or tag that started the workflow."""
    return os.environ.get("GITHUB_REF_NAME") or None


def sha() -> str | None:
    """The commit that started the workflow."""
    return os.environ.get("GITHUB_SHA") or None


def run_id() -> int | None:
    """The number of this run of the workflow."""
    run = os.environ.get("GITHUB_RUN_ID")
    return int(run) if run else None


def run_url() -> str | None:
    """The page of this run of the workflow."""
    run, name = run_id(), repository()
    return f"{server_url()}/{name}/actions/runs/{run}" if run and name else None


def set_output(name: str, value: str) -> None:
    """Sets an output of the step; a value may have several lines."""
    if _in_actions() and (path := os.environ.get("GITHUB_OUTPUT")):
        end = f"end-{uuid.uuid4()}"  # nobody can have written this line into the value
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}<<{end}\n{value}\n{end}\n")


def annotate(error: RivaError, *, title: str) -> None:
    """Shows an error twice (an annotation of one line, a section of the step summary with the remedy)."""
    if not _in_actions():
        return
    note("error", error.what, title=title)
    parts = [f"### ❌ {title}", f"```text\n{error.what}\n```"]
    parts += [f"**{name}:** {text}" for name, text in (("Why", error.why), ("Fix", error.fix)) if text]
    summarise("\n\n".join(parts))


@contextmanager
def annotated(title: str) -> Iterator[None]:
    """Shows an error that leaves the block, or the function that this decorates, as `annotate` does."""
    try:
        yield
    except RivaError as error:
        annotate(error, title=title)
        raise


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
