"""The environment of the export stage is what its locks say."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.export

LOCKS = Path(__file__).parents[3] / "ci" / "locks"


def test_torch_is_the_cpu_build_of_the_lock() -> None:
    """The default is PyTorch's CPU build: 4 GB of CUDA libraries stay away."""
    locked = re.search(r"^torch==(\S+)", (LOCKS / "torch-cpu.txt").read_text(), re.MULTILINE)

    assert locked is not None
    assert version("torch") == locked[1]
    assert locked[1].endswith("+cpu")
