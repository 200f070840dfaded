"""The processes of an export end with it, and a failure says what happened."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import BrokenCheckpoint, ExportFailed, OutputFailed
from pipelines.export.processes import child, wait, write_error

MODULE = "child_of_test"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that `child` can run; the test writes its text."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / f"{MODULE}.py"


def run(tmp_path: Path, *, limit_s: float = 20) -> None:
    log = tmp_path / "log"
    with log.open("wb") as sink, child(MODULE, log=sink) as process:
        wait(process, "The child", results=[tmp_path / "result.json"], limit_s=limit_s, log=log)


def test_an_error_of_a_child_is_raised_here(script: Path, tmp_path: Path) -> None:
    """What a child could not do is raised as the same error, with its three parts."""
    write_error(tmp_path / "result.json", BrokenCheckpoint("weights are NaN", "it diverged", "take an earlier one"))
    script.write_text("")

    with pytest.raises(BrokenCheckpoint) as raised:
        run(tmp_path)

    assert (raised.value.what, raised.value.why, raised.value.fix) == (
        "weights are NaN",
        "it diverged",
        "take an earlier one",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os; print('a last word', flush=True); os.kill(os.getpid(), 11)", "killed by SIGSEGV; its last words:"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import os; os._exit(128 + 9)", "killed by SIGKILL"),
        ("raise SystemExit(3)", "exit code 3"),
    ],
    ids=["crash", "out_of_memory", "grandchild", "exit_code"],
)
def test_a_dead_child_is_a_failure(script: Path, tmp_path: Path, text: str, message: str) -> None:
    """Native code that crashes is an error with the signal's name, never a success."""
    script.write_text(text)

    with pytest.raises(ExportFailed, match=message):
        run(tmp_path)


@pytest.mark.parametrize("part", [0, 20])
def test_an_error_for_which_there_was_no_room_is_a_full_disk(tmp_path: Path, part: int) -> None:
    """A full work folder cuts even the error that would tell of it."""
    result = tmp_path / "outcome.json"
    write_error(result, BrokenCheckpoint("no weights"))
    os.truncate(result.with_suffix(".error"), part)
    with child("platform", log=None) as process, pytest.raises(OutputFailed, match="No space left on device"):
        wait(process, "the export", results=[result], limit_s=30)


def test_a_child_that_hangs_is_given_up_and_killed(script: Path, tmp_path: Path) -> None:
    """A limit ends the wait, and neither the child nor its own children are left."""
    script.write_text(
        "import os, pathlib, time\n"
        f"pid = os.fork()\npathlib.Path({str(tmp_path)!r}, str(os.getpid())).write_text('')\ntime.sleep(60)"
    )

    with pytest.raises(ExportFailed, match="did not end within"):
        run(tmp_path, limit_s=1)

    pids = [int(file.name) for file in tmp_path.iterdir() if file.name.isdigit()]
    assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(_alive(pid) for pid in pids)


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """When the tool is killed outright, nothing goes on using the machine."""
    text = (
        "import os, time\n"
        "from pipelines.export.processes import die_with_parent\n"
        "if os.fork() == 0:\n"
        "    die_with_parent()\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    parent = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", text])
    deadline = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)

    while _alive(int((tmp_path / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(int((tmp_path / "pid").read_text()))


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
