"""A program at a terminal of its own: what it says is waited for, what is typed reaches it as from a keyboard."""

import os
import pty
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Terminal:
    """A process whose input and output are a pseudo terminal; `with` ends it if it has not ended by itself."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.said = ""
        self._seen = 0
        self._code: int | None = None
        self.process, self._end = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(command[0], list(command), {**environment, "TERM": "dumb", "PS1": "$ "})

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._code is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self._end)

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Reads until the pattern is found in what was not yet looked at; the text up to its end counts as seen."""
        found = self._read_until(lambda: re.search(pattern, self.said[self._seen :]), seconds)
        assert found, f"{pattern!r} was not said within {seconds} s, but:\n{self.said}"
        self._seen += found.end()
        return found

    def code(self, seconds: float = 60) -> int:
        """Reads to the end and returns the exit code; of a program that a signal has ended, minus its number."""
        ended = self._read_until(lambda: self._code is not None, seconds)
        assert ended, f"it has not ended within {seconds} s:\n{self.said}"
        assert self._code is not None
        return self._code

    def _read_until(self, holds: Callable[[], T], seconds: float) -> T:
        """What `holds` returned last: something true, or what it was when time was up or the program had ended."""
        deadline = time.monotonic() + seconds
        while not (result := holds()):
            if time.monotonic() > deadline or self._code is not None:
                return result
            if select.select([self._end], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self._end, 65536).decode(errors="replace").replace("\r\n", "\n")
                    continue
                except OSError:  # the other end is closed
                    pass
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                self._code = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.02)
        return result
