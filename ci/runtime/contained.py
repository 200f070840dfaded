"""A tool that runs in a container: `ci.runtime.Running`. What it prints is written to its log as it comes."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ci.errors import ContainerKilled
from ci.runtime import Address
from ci.runtime.log import follow
from ci.runtime.spelling import PORT

if TYPE_CHECKING:
    from docker.models.containers import Container
    from docker.types import CancellableStream

__all__ = ["STOP_SECONDS", "Contained"]

STOP_SECONDS = 45  # start-riva lets running streams finish for up to 30 s
_KILLED = 128 + signal.SIGKILL
_TERMINATED = 128 + signal.SIGTERM


class Contained:
    """A container that was created, and is started here."""

    def __init__(self, container: "Container", *, tool: str, log: Path, address: Address | None, judged: bool) -> None:
        """Starts the container.

        Args:
            container: The container, not yet started.
            tool: The tool in it, for messages.
            log: Where what it prints goes.
            address: Where its server shall be reached; None if it is none.
            judged: Whether the exit code after SIGTERM says something; of NVIDIA's start-riva it is not known.
        """
        self._container, self._tool, self._log, self._address, self._judged = container, tool, log, address, judged
        self._stopped = False
        self._broken: OSError | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
        container.start()
        output = container.logs(stream=True, follow=True)  # from the first word on
        self._writer = threading.Thread(target=self._write, args=(output,), daemon=True)
        self._writer.start()

    def lines(self, *, limit: float | None = None) -> Iterator[str]:
        """What it prints, line by line as it comes; ends when it ends.

        Raises:
            TimeoutError: It still runs after `limit` seconds.
        """
        return follow(self._log, ended=lambda: not self._writer.is_alive(), limit=limit)

    def wait(self) -> int:
        """Waits for its end; returns its exit code.

        Raises:
            ContainerKilled: It did not end by itself, and not by `stop` either.
            OSError: Its log could not be written.
        """
        from docker.errors import NotFound

        self._writer.join()
        if self._broken is not None:
            raise self._broken
        try:
            code = int(self._container.wait()["StatusCode"])
            self._container.reload()
        except NotFound:
            raise self._killed("was removed while it worked") from None
        if self._container.attrs["State"]["OOMKilled"]:
            raise self._killed("was killed by the kernel: there was no more memory")
        if code in (_KILLED, _TERMINATED) and not self._stopped:
            raise self._killed(f"was killed from outside (exit code {code})")
        return code

    def stop(self) -> int:
        """Asks it to end, kills it after `STOP_SECONDS`; returns its exit code, or 0 if that is not judged."""
        self._stopped = True
        self._container.stop(timeout=STOP_SECONDS)
        code = self.wait()
        return code if self._judged else 0

    def reached_at(self, listening: str) -> str:
        """The published address; `listening` is the one in the container."""
        if self._address is None:
            return listening
        self._container.reload()
        published = self._container.ports[f"{PORT}/tcp"][0]
        return f"{self._address.host}:{published['HostPort']}"

    def _write(self, output: "CancellableStream") -> None:
        try:
            with closing(output), self._log.open("ab", buffering=0) as log:
                for piece in output:
                    log.write(piece)
                self._write_rest(log)
        except OSError as error:
            self._broken = error

    def _write_rest(self, log: FileIO) -> None:
        """Writes what following left out: Docker 20.10 may end it before a last line that has no newline."""
        from docker.errors import APIError

        known = log.tell()
        with suppress(APIError):  # of one that was removed, which `wait` tells
            self._container.wait()
            with closing(self._container.logs(stream=True, follow=False)) as whole:
                for piece in whole:
                    log.write(piece[known:])
                    known = max(0, known - len(piece))

    def _killed(self, how: str) -> ContainerKilled:
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        return ContainerKilled(
            f"the container of {self._tool} {how}",
            why="it said last:\n    " + "\n    ".join(said or ["nothing"]),
            fix=f"nothing half-written is used: run again; its whole log is {self._log}",
        )
