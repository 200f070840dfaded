"""The seam between the doctor and a machine: commands, files, one web address. Nothing else of this package touches it.

Every probe has a time limit of its own and ends at it, whatever the machine does. A hung `nvidia-smi` is a real
failure: it sleeps in the kernel where no signal reaches it, so it is left behind instead of being waited for
(https://github.com/leptonai/gpud/pull/117).
"""

import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from pipelines.verdict.needs import Capacity

__all__ = ["Answer", "Probe", "Ran", "ThisMachine"]

COMMAND_SECONDS = 5.0
NETWORK_SECONDS = 4.0
_FILE = 4 * 1024 * 1024  # bytes of a file that are read at most; a busy machine has thousands of sockets

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ran:
    """What became of a command.

    Args:
        stdout: What it printed.
        stderr: What it printed as an error.
        code: Its exit code; 0 of one that did not run.
        missing: Whether there is no such command.
        hung: Whether it had not ended at the time limit.
    """

    stdout: str = ""
    stderr: str = ""
    code: int = 0
    missing: bool = False
    hung: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ran, and ended well."""
        return not (self.missing or self.hung or self.code)

    @property
    def complaint(self) -> str:
        """Why it did not: in its own last words, if it said any."""
        if self.missing:
            return "it is not installed"
        if self.hung:
            return f"it had not answered after {COMMAND_SECONDS:.0f} s"
        said = [line.strip() for line in (self.stderr or self.stdout).splitlines() if line.strip()]
        return said[-1] if said else f"it ended with {self.code} and said nothing"


@dataclass(frozen=True)
class Answer:
    """What a web address said.

    Args:
        status: The HTTP status; 0 if nothing answered.
        date: Its `Date` header.
        at: What the clock of this machine said when the answer came, in seconds since 1970.
        error: Why nothing answered.
        proxy: The proxy that was asked, as host and port; empty if there was none.
    """

    status: int = 0
    date: str = ""
    at: float = 0.0
    error: str = ""
    proxy: str = ""

    @property
    def complaint(self) -> str:
        """Why it is not what a registry says; a registry lets nobody in without a token (401), and that is fine."""
        return self.error or ("" if self.status in (200, 401) else f"HTTP {self.status}")


class Probe(Protocol):
    """How a machine is looked at. Tests replay what machines said (`tests/assets/doctor`)."""

    def run(self, *command: str) -> Ran:
        """Runs a command in plain English."""

    def read(self, path: str) -> str:
        """The text of a file; empty if it is not there or may not be read."""

    def capacity(self, folder: str) -> Capacity:
        """Memory that processes may still take, and what is free on the disk of a folder."""

    def fetch(self, url: str) -> Answer:
        """Asks a web address for its headers, through the proxy that the environment names."""


class ThisMachine:
    """The machine that this program runs on."""

    def run(self, *command: str) -> Ran:
        """Runs a command in plain English."""
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,
            )
        except FileNotFoundError:
            return Ran(missing=True)
        except OSError as error:
            return Ran(stderr=f"{command[0]}: {error.strerror}", code=126)
        try:
            stdout, stderr = process.communicate(timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            _leave(process)
            return Ran(hung=True)
        return Ran(stdout.decode(errors="replace"), stderr.decode(errors="replace"), process.returncode)

    def read(self, path: str) -> str:
        """The text of a file; empty if it is not there or may not be read."""
        try:
            with Path(path).open("rb") as file:
                return file.read(_FILE).decode(errors="replace")
        except OSError:
            return ""

    def capacity(self, folder: str) -> Capacity:
        """Memory that processes may still take, and what is free on the disk of a folder."""
        here = _within(COMMAND_SECONDS, lambda: Capacity.here(Path(folder)))  # a dead network disk hangs
        return here or Capacity()

    def fetch(self, url: str) -> Answer:
        """Asks a web address for its headers, through the proxy that the environment names."""
        host = urlsplit(url).hostname or ""
        proxy = "" if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get(urlsplit(url).scheme, "")
        shown = urlsplit(proxy).netloc.rpartition("@")[2]  # without the password that may stand before it
        # looking up a name has no limit of its own
        answer = _within(2 * NETWORK_SECONDS, lambda: _head(url))
        answer = answer or Answer(error=f"nothing answered within {2 * NETWORK_SECONDS:.0f} s")
        return Answer(answer.status, answer.date, answer.at, answer.error, shown)


def _leave(process: "subprocess.Popen[bytes]") -> None:
    """Kills a command and its children, and waits for none: what sleeps in the kernel stays until that wakes it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.2)


def _head(url: str) -> Answer:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (our own https address)
    try:
        # an opener of its own: `urlopen` keeps the proxies of the first call
        with urllib.request.build_opener().open(request, timeout=NETWORK_SECONDS) as reply:
            return Answer(reply.status, reply.headers.get("Date", ""), time.time())
    except urllib.error.HTTPError as refusal:  # 401 is how a registry says that it is there
        return Answer(refusal.code, refusal.headers.get("Date", ""), time.time())
    except urllib.error.URLError as error:
        return Answer(error=str(error.reason))
    except (OSError, ValueError) as error:  # a connection cut short, a proxy that is no address
        return Answer(error=str(error))


def _within(seconds: float, work: Callable[[], Value]) -> Value | None:
    """What `work` returns; None if it takes longer, and then it is left behind."""
    future: Future[Value] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # handed over, not swallowed
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        return None
