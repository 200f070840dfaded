"""Whether a process failed because it may have no more memory."""

import json
from pathlib import Path

import pytest

from pipelines.export.processes import child, wait
from pipelines.export.sandbox import Sandbox

MODULE = "child_of_test"
LIMIT = 1 << 28

PROGRAM = """
import json, pathlib
from pipelines.export.sandbox.memory import exhausted_limit
found = [exhausted_limit(ValueError())]
taken = []
try:
    while True:
        taken.append(bytearray(10_000_000))
except MemoryError as error:
    found += [exhausted_limit(error), exhausted_limit(ValueError())]
taken = None
pathlib.Path("found").write_text(json.dumps(found))
"""


@pytest.mark.parametrize("whole", [True, False], ids=["address_space", "written"])
def test_it_is_known_that_memory_was_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    """Any error near the limit comes of it, whatever it says; one far from it does not."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / f"{MODULE}.py").write_text(PROGRAM)
    sandbox = Sandbox(work=tmp_path, memory_limit=LIMIT, whole_address_space=whole)

    with child(MODULE, sandbox=sandbox, log=None) as process:
        wait(process, "The child", results=[], limit_s=30)

    assert json.loads((tmp_path / "found").read_text()) == [None, LIMIT, LIMIT]


def test_without_a_limit_memory_is_not_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = PROGRAM.replace("while True:", "raise MemoryError")
    program = program.replace("        taken.append(bytearray(10_000_000))\n", "")
    (tmp_path / f"{MODULE}.py").write_text(program)

    with child(MODULE, sandbox=Sandbox(work=tmp_path), log=None) as process:
        wait(process, "The child", results=[], limit_s=30)

    assert json.loads((tmp_path / "found").read_text()) == [None, None, None]
