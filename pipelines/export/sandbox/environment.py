"""The variables that a process which loads a checkpoint sees: an allow-list, so that a new secret is not among them."""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ["environment_of"]

_KEPT = (
    "CUDA_DEVICE_ORDER",
    "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "MKL_NUM_THREADS",
    "NVIDIA_DRIVER_CAPABILITIES",
    "NVIDIA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PATH",
    "TZ",
)
# Nothing is fetched while a checkpoint is restored; threads that wait leave the processor to the process beside them.
_SET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_ROOT = Path(__file__).parents[3]


def environment_of(work: Path, *, ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns the environment of a process that works in `work`, from that of this process.

    Home and temporary folder are made in the work folder. Neither tokens nor keys, proxies, agents or the variables of
    a CI runner pass: none of them is on the list.
    """
    home, temporary = work / "home", work / "tmp"
    for folder in (home, temporary):
        folder.mkdir(exist_ok=True)
    kept = {name: ours[name] for name in _KEPT if name in ours}
    path = os.pathsep.join(part for part in (str(_ROOT), ours.get("PYTHONPATH")) if part)
    return {**kept, **_SET, "PYTHONPATH": path, "HOME": str(home), "TMPDIR": str(temporary)}
