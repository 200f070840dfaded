"""Tools that are interrupted at a given file operation, in processes forked from one that has imported everything.

    python -m tests.killed.warm ROOT        reads a JSON request a line, answers with a JSON line

Request: tool, argv, old (whether an older output is there), at (number of the operation, or null), action.
Actions: `kill`; `revoke` write permission to the output's folder; `fill` the disk (or, where no file system can be
mounted, forbid files to grow); `second`: run the same command in another process meanwhile.

It is started in a mount namespace of its own where that is allowed, with a file system of a few megabytes at ROOT.
"""

import ctypes
import hashlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.killed.tracing import trace

SIZE = 4 << 20  # bytes of the file system, if there can be one


class Workshop:
    """The folders of the runs: `in`, `out` and `tmp`; what ends up in `out` is what counts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_mounted = _mount(root)
        self.out, self.tmp = root / "out", root / "tmp"
        # What is said goes into a pipe: it is on no disk that is filled, and no limit of a file's size counts for it.
        self.heard, self.log = os.pipe()
        os.set_blocking(self.heard, False)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Runs a tool as asked, then again untouched; says how both ended and what lay there in between."""
        tool, argv, action = request["tool"], request["argv"], request["action"]
        self._prepare(tool if request["old"] else None)
        second: list[int] = []
        actions: dict[str, Callable[[int], None]] = {
            "kill": lambda pid: os.kill(pid, signal.SIGKILL),
            "revoke": lambda _pid: self.out.chmod(0o555),
            "fill": self._fill,
            "second": lambda _pid: second.append(self._run(tool, argv)),
            "none": lambda _pid: None,
        }
        outcome = trace(
            lambda: self._tool(tool, argv, humbly=action == "revoke"),
            begin=self.out,
            watched=(self.out, self.tmp),
            at=request["at"],
            action=actions[action],
        )
        said = self._said()
        self.out.chmod(0o777)
        (self.root / "filling").unlink(missing_ok=True)
        after = contents(self.out)
        again = self._run(tool, argv)
        return {
            "operations": outcome.operations,
            "code": outcome.code,
            "said": said,
            "after": after,
            "second": second[0] if second else None,
            "again": again,
            "finally": contents(self.out),
            "left": [*contents(self.tmp)],
            "mounted": self.is_mounted,
        }

    def warm_up(self, tool: str, argv: list[str]) -> None:
        """Runs a tool in this process, which has imported everything afterwards."""
        self._prepare(None)
        if self._tool(tool, argv):
            raise SystemExit(self._said())

    def _said(self) -> str:
        try:
            return os.read(self.heard, 1 << 16).decode()
        except BlockingIOError:
            return ""

    def _prepare(self, old: str | None) -> None:
        for folder in (self.out, self.tmp):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            folder.chmod(0o777)
        if old is not None:
            shutil.copytree(self.root / "old" / old, self.out, dirs_exist_ok=True)

    def _run(self, tool: str, argv: list[str]) -> int:
        pid = os.fork()
        if pid == 0:
            os._exit(self._tool(tool, argv))
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _tool(self, tool: str, argv: list[str], *, humbly: bool = False) -> int:
        import tempfile

        self._said()  # of an earlier run
        os.dup2(self.log, 1)
        os.dup2(self.log, 2)
        tempfile.tempdir = str(self.tmp)
        os.chdir(self.root)
        if humbly:
            _drop_capabilities()
        code: int = importlib.import_module(f"pipelines.cli.{tool}").main(argv)
        return code

    def _fill(self, pid: int) -> None:
        if not self.is_mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))
            return
        with (self.root / "filling").open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:  # full
                    continue


def _drop_capabilities() -> None:
    """Lets permissions bind root too: capset(2) with empty sets, _LINUX_CAPABILITY_VERSION_3."""
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(ctypes.byref(header), ctypes.byref(nothing)):
        raise OSError("capset failed")


def _mount(root: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "none", str(root)]
    return "--mounted" in sys.argv and subprocess.run(command, capture_output=True, check=False).returncode == 0


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def main() -> None:
    """Answers requests until there are no more."""
    from tests.killed.subjects import commands, prepare

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    workshop = Workshop(Path(sys.argv[1]))
    prepare(workshop.root)
    for tool, argv in commands(key="warm").items():  # in this process, so that every import is done
        workshop.warm_up(tool, argv)
    for line in sys.stdin:
        print(json.dumps(workshop.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
