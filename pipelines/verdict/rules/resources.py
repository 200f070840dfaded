"""The machine: it can hold what the stages need for this checkpoint, known before any work starts."""

from pipelines.errors import MachineTooSmall
from pipelines.verdict.findings import Outcome, Rule

__all__ = ["DISK_SUFFICES", "MEMORY_SUFFICES"]

MEMORY_SUFFICES = Rule(
    id="memory-suffices",
    title="The machine has the memory that the export and the server need",
    outcome=Outcome.FAILS,
    why="the kernel would kill the export after many minutes, with nothing but a signal to say why",
    fix="use a larger machine, or say what the one that will do the work has with --memory",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/4012",
    error=MachineTooSmall,
)
DISK_SUFFICES = Rule(
    id="disk-suffices",
    title="The machine has the disk that copies of the checkpoint and the outputs need",
    outcome=Outcome.FAILS,
    why="a full disk is noticed by the last stage, after all the others have done their work",
    fix="free space (`nox -s clean`), or say what the machine that will do the work has with --disk",
    link="https://github.com/NVIDIA-NeMo/Speech/issues/10580",
    error=MachineTooSmall,
)
