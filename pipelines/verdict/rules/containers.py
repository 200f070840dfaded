"""The file itself: a whole tar archive with harmless members."""

from pipelines.verdict.findings import Outcome, Rule

__all__ = ["READABLE"]

READABLE = Rule(
    id="readable",
    title="The checkpoint is a whole, safe .nemo archive with a configuration",
    outcome=Outcome.UNREADABLE,
    why="nothing can be said about a file that cannot be read to its end",
    fix="name the .nemo file that NeMo's save_to() wrote, and compare its size with the original",
    link="https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/core/core.html#save-and-restore",
)
