"""How every command line ends: what a signal leaves behind, and the code that tells of it."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pipelines.cli import explain, run
from pipelines.errors import NotAnArchive

COMMAND = """
    import sys, tempfile, time
    from pipelines.cli import run

    def work(argv):
        with tempfile.TemporaryDirectory(dir=argv[0]):
            print("working", flush=True)
            time.sleep(600)
        return 0

    sys.exit(run(work))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_no_work_folder_and_no_traceback(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """SIGTERM unwinds a command as Ctrl-C does: temporary folders go, one line is said, the code is the shell's."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(COMMAND), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, list(tmp_path.iterdir())) == (code, [])
    assert said == "Interrupted; nothing half-written is left.\n"


def test_a_second_signal_does_not_interrupt_the_cleaning() -> None:
    """Ctrl-C reaches a command from the terminal, and a moment later SIGTERM from nox: what is being closed closes."""
    closed = []

    def work(_argv: list[str]) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            closed.append(True)
        return 0

    assert run(work, []) == 130
    assert closed == [True]


def test_the_handler_of_the_caller_comes_back() -> None:
    """A program that calls a command keeps its own answer to SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    assert run(lambda argv: os.EX_OK, []) == os.EX_OK
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_message_gives_no_orders_to_the_terminal() -> None:
    """Names from a hostile file are spelled out; lines and letters of any language stay."""
    said = explain(NotAnArchive("member '\x1b[2J\u202etxt' is no file", "größer\nthan \x07 expected"))

    assert said == r"error: member '\x1b[2J\u202etxt' is no file" + "\n  why: größer\nthan \\x07 expected"
