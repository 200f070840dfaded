"""Pipelines: what must be said of one before it is built, or its server answers nobody."""

from pipelines.errors import UsageError
from pipelines.verdict.findings import Outcome, Rule

__all__ = ["LANGUAGE_DECLARED", "MODES_BUILT"]

LANGUAGE_DECLARED = Rule(
    id="language-declared",
    title="A pipeline is built for a language that somebody named",
    outcome=Outcome.FAILS,
    why="requests choose a pipeline by its language; one that is registered under a default is found by nobody",
    fix="give the language, for example --language_code=en-US, or `language` in pipeline.yaml",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4889",
    error=UsageError,
)
MODES_BUILT = Rule(
    id="modes-built",
    title="Every way of recognition that has a limit is built",
    outcome=Outcome.FAILS,
    why='the server would be "ready" and answer `Unavailable model requested` to whoever asks for the missing one',
    fix="add the mode to `builds`, or take its limit out",
    link="https://github.com/nvidia-riva/tutorials/issues/78",
    error=UsageError,
)
