"""The processes of an export end with it, and a failure says what happened."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import BrokenCheckpoint, ExportFailed, ExportLimited, OutputFailed
from pipelines.export.job import Comparison
from pipelines.export.processes import check_regular, child, read_result, wait, write_error
from pipelines.export.sandbox import Sandbox

MODULE = "child_of_test"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that `child` can run; the test writes its text."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / f"{MODULE}.py"


def run(work: Path, *, limit_s: float = 20) -> None:
    log = work / "log"
    with log.open("wb") as sink, child(MODULE, sandbox=Sandbox(work=work), log=sink) as process:
        wait(process, "The child", results=[work / "result.json"], limit_s=limit_s, log=log)


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
    with (
        child("platform", sandbox=Sandbox(work=tmp_path), log=None) as process,
        pytest.raises(OutputFailed, match="No space left on device"),
    ):
        wait(process, "the export", results=[result], limit_s=30)


def test_a_child_that_hangs_is_given_up_and_killed(script: Path, tmp_path: Path) -> None:
    """A limit ends the wait, and neither the child nor its own children go on."""
    script.write_text(
        "import os, pathlib, time\n"
        "mark = pathlib.Path('parent' if os.fork() else 'child')\n"
        "while True:\n"
        "    mark.write_text(str(time.monotonic()))\n"
        "    time.sleep(0.01)"
    )

    with pytest.raises(ExportLimited, match="did not end within 1 s"):
        run(tmp_path, limit_s=1)

    def marks() -> list[str]:
        return [(tmp_path / name).read_text() for name in ("parent", "child")]

    before = marks()
    time.sleep(0.2)
    assert marks() == before


@pytest.mark.parametrize("make", ["link", "pipe", "folder", "nothing"])
def test_results_are_plain_files(tmp_path: Path, make: str) -> None:
    """A process cannot have a file read for it that it may not read, nor make its reader wait for ever."""
    secret, result = tmp_path / "secret", tmp_path / "result.json"
    secret.write_text("{}")
    actions = {"link": lambda: result.symlink_to(secret), "pipe": lambda: os.mkfifo(result), "folder": result.mkdir}
    actions.get(make, list)()

    with pytest.raises(ExportFailed, match=r"did not leave a plain file result\.json"):
        check_regular(result)


@pytest.mark.parametrize("text", ['{"unknown": 1}', "[", "[1]", "null"])
def test_a_result_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """What a process leaves is not trusted to be what it should be."""
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(ExportFailed, match=r"cannot be read: result\.json"):
        read_result(tmp_path / "result.json", Comparison)


def test_an_error_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    """Only errors of ours are made from what a process leaves."""
    (tmp_path / "result.error").write_text('{"kind": "TYPE_CHECKING", "what": "", "why": "", "fix": ""}')

    with (
        child("platform", sandbox=Sandbox(work=tmp_path), log=None) as process,
        pytest.raises(ExportFailed, match="unknown kind: 'TYPE_CHECKING'"),
    ):
        wait(process, "the export", results=[tmp_path / "result.json"], limit_s=30)


def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """When the tool is killed outright, nothing goes on using the machine."""
    text = (
        "import os, time\n"
        "from pipelines.export.sandbox.kernel import die_with_parent\n"
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
