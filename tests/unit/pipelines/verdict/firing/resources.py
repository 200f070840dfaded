"""Machines that are too small."""

from pipelines.verdict.needs import Capacity
from tests.nemo_checkpoints import write_nemo
from tests.unit.pipelines.verdict.firing import Firing, judged


def _on(capacity: Capacity) -> Firing:
    return judged(lambda folder: write_nemo(folder / "a.nemo"), capacity=capacity)


FIRING: dict[str, Firing] = {
    "memory-suffices": _on(Capacity(memory=10**9)),
    "disk-suffices": _on(Capacity(disk=10**7)),
}
