"""start-riva as a process of its own."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.counting.client import eventually

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60


class StartRiva:
    """A start-riva process, its output, and the address it came to listen on."""

    def __init__(self, *arguments: str, tool: str = "start_riva") -> None:
        command = [sys.executable, "-m", f"pipelines.cli.{tool}", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, start_new_session=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            self.lines.extend(line.rstrip() for line in stdout)

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def address(self) -> str:
        def found() -> bool:
            return "Server listening on" in self.output or self.process.poll() is not None

        assert eventually(found, READY_SECONDS), self.output
        match = re.search(r"Riva Conversational AI Server listening on (\S+)", self.output)
        assert match, self.output
        return match[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = 60) -> int:
        try:
            return self.process.wait(seconds)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self._reader.join()

    def children(self) -> dict[str, int]:
        """The process ids of Triton and of the API server."""
        found = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rsplit(")", 1)[1].split()[1])
                command = stat.with_name("cmdline").read_text()
            except OSError:
                continue
            if parent == self.process.pid:
                found["triton" if "tritonserver" in command else "api"] = int(stat.parent.name)
        return found
