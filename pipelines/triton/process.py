"""A Triton Inference Server of our own: found, started on this machine, watched until every model is ready, stopped.

with TritonProcess(repository) as triton:
    client = tritonclient.grpc.InferenceServerClient(triton.grpc_address)

"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pipelines.errors import ModelsNotLoaded, PortTaken, RivaError, TritonNotReady
from pipelines.progress import progress
from pipelines.tied_process import tied_to_this_process
from pipelines.triton.installation import Installation, environment, find_installation, lay_out_backend
from pipelines.triton.repository import model_names

__all__ = ["TritonPorts", "TritonProcess"]

READY_LIMIT = 300.0  # seconds; a 1 GB network on a slow disk loads in one minute
STOP_LIMIT = 30.0  # seconds for requests in flight and for models to unload, then the process is killed
_STUBS_LIMIT = 2.0  # seconds after Triton has ended until the stubs of the Python backend have, too
_SEQUENCES_LIMIT = 5  # seconds that Triton waits for sequences without END; nobody is left to send one
_POLL = 0.05  # seconds
# States of requests that Triton keeps for later ones. Beyond that number (8 by default) it deletes a state when the
# response is written, while the thread that wrote it still holds a lock inside: the end of
# `StreamInferResponseComplete`, src/grpc/stream_infer_handler.cc of triton-inference-server/server, r24.10 and main of
# August 2026. Some dozen streams crash it, sooner or later. With room for all in flight none is deleted.
_KEPT_STATES = 65_536
_LOG_LINES = 2000  # kept for error messages
_LOADED = re.compile(r"successfully loaded '(?P<model>[^']+)'")
# The reason ends before the quote that closes Triton's line, and before the traceback of a Python model.
_REASON = r"(?P<reason>.*?)(\\n\\nAt:.*)?\"?$"
_FAILED = re.compile(
    r"(failed to load '(?P<model>[^']+)' version \S+ "
    r"|failed to load model '(?P<unversioned>[^']+)': "
    r"|Poll failed for model directory '(?P<folder>[^']+)': )" + _REASON
)
_PORT_TAKEN = re.compile(r"[Ff]ailed to start .*|Unavailable: Socket '.*' already in use")


@dataclass(frozen=True, kw_only=True)
class TritonPorts:
    """Where Triton listens; 0 picks a free port."""

    host: str = "127.0.0.1"
    grpc: int = 0
    http: int = 0
    metrics: int = 0

    def picked(self) -> "TritonPorts":
        """Returns the same with every 0 replaced by a port that is free now."""
        sockets = [socket.socket() for _ in range(3)]
        try:
            for each in sockets:
                each.bind((self.host, 0))
            grpc, http, metrics = (each.getsockname()[1] for each in sockets)
        finally:
            for each in sockets:
                each.close()
        return TritonPorts(
            host=self.host, grpc=self.grpc or grpc, http=self.http or http, metrics=self.metrics or metrics
        )


class TritonProcess:
    """A running tritonserver; use as a context manager or call `start` and `stop`. Ends when this process ends."""

    def __init__(
        self,
        repository: Path,
        *,
        ports: TritonPorts | None = None,
        log: Callable[[str], None] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        """Args:
        repository: The model repository to serve.
        ports: Where to listen; free ports of the loopback interface by default.
        log: Gets every line that Triton prints.
        arguments: Further arguments of tritonserver.
        """
        self._repository, self._wanted, self._log, self._arguments = repository, ports or TritonPorts(), log, arguments
        self.ports = self._wanted
        self._lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._loaded: set[str] = set()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._backends: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "TritonProcess":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def grpc_address(self) -> str:
        """HOST:PORT of the gRPC endpoint."""
        return f"{self.ports.host}:{self.ports.grpc}"

    @property
    def metrics_url(self) -> str:
        """URL of the Prometheus metrics."""
        return f"http://{self.ports.host}:{self.ports.metrics}/metrics"

    @property
    def pid(self) -> int:
        """Process id of tritonserver.

        Raises:
            ProcessLookupError: It was never started.
        """
        if self._process is None:
            raise ProcessLookupError("tritonserver was not started")
        return self._process.pid

    @property
    def output(self) -> list[str]:
        """The last lines that Triton printed."""
        return list(self._lines)

    def poll(self) -> int | None:
        """Returns the exit code of tritonserver, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, *, limit: float = READY_LIMIT) -> None:
        """Starts Triton and waits until every model is ready. The caller stops it, after an error too.

        Args:
            limit: Seconds to wait.

        Raises:
            NotARepository: The repository holds no model.
            TritonMissing: A part of Triton is not installed.
            ModelsNotLoaded: Triton refused a model; the message has Triton's reason.
            PortTaken: Another process listens on a port that was asked for.
            TritonNotReady: Triton ended early or took longer than `limit`.
        """
        models = model_names(self._repository)
        installation = find_installation()
        self._backends = tempfile.TemporaryDirectory(prefix="triton-backends-")
        lay_out_backend(installation, Path(self._backends.name))
        try:
            self._launch(installation)
            self._await_ready(models, limit)
        except BaseException:
            # Killed if it still loads: then it may hang when it is asked. If it has become ready in this very moment,
            # requests may be in flight already, and whoever called this stops it after them.
            if not self._is_ready():
                self.stop(limit=0)
            raise

    def stop(self, *, limit: float = STOP_LIMIT) -> int | None:
        """Asks Triton to end (SIGINT: requests in flight finish) and kills it after `limit` seconds.

        Returns:
            Its exit code, or None if it was never started.
        """
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process is not None and self._reader is not None:
            self._reader.join(timeout=_STUBS_LIMIT)
            if self._reader.is_alive():
                # Stubs that Triton leaves while it still loads wait for ever, and hold the pipe that is read here;
                # as long as one does, the group's number cannot belong to anybody else.
                os.killpg(process.pid, signal.SIGKILL)
                self._reader.join(timeout=STOP_LIMIT)
        if self._backends is not None:
            self._backends.cleanup()
            self._backends = None
        return None if process is None else process.returncode

    def _launch(self, installation: Installation) -> None:
        assert self._backends is not None
        self.ports = self._wanted.picked()
        self._process = subprocess.Popen(
            tied_to_this_process(
                [
                    str(installation.binary),
                    f"--model-repository={self._repository}",
                    f"--backend-directory={self._backends.name}",
                    *(f"--{name}-address={self.ports.host}" for name in ("grpc", "http", "metrics")),
                    f"--grpc-port={self.ports.grpc}",
                    f"--http-port={self.ports.http}",
                    f"--metrics-port={self.ports.metrics}",
                    "--exit-on-error=true",
                    f"--exit-timeout-secs={_SEQUENCES_LIMIT}",
                    "--disable-auto-complete-config",
                    f"--grpc-infer-allocation-pool-size={_KEPT_STATES}",
                    *self._arguments,
                ]
            ),
            env=environment(installation),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us first; we stop Triton when its callers are done
        )
        self._reader = threading.Thread(target=self._read_log, args=(self._process,), daemon=True)
        self._reader.start()

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._lines.append(line.rstrip("\n"))
                if match := _LOADED.search(line):
                    self._loaded.add(match["model"])
                if self._log is not None:
                    self._log(line.rstrip("\n"))

    def _await_ready(self, models: list[str], limit: float) -> None:
        deadline = time.monotonic() + limit
        with progress("Triton loads the models", len(models)) as bar:
            told = 0
            while not self._is_ready():
                bar.advance(len(self._loaded) - told)
                told = len(self._loaded)
                if self.poll() is not None:
                    assert self._reader is not None
                    self._reader.join(timeout=STOP_LIMIT)
                    raise self._failure()
                if time.monotonic() > deadline:
                    missing = sorted(set(models) - self._loaded)
                    raise TritonNotReady(
                        f"Triton was not ready after {limit:.0f} s; not loaded: {', '.join(missing) or 'nothing'}",
                        "the machine is busy, or a model hangs while it loads",
                        "look at Triton's log above",
                    )
                time.sleep(_POLL)
            bar.advance(len(models) - told)

    def _is_ready(self) -> bool:
        """Asks over HTTP: a bare socket, because this is called often while the machine is busy loading."""
        try:
            with socket.create_connection((self.ports.host, self.ports.http), timeout=1) as connection:
                connection.sendall(b"GET /v2/health/ready HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(64)
        except OSError:
            return False

    def _failure(self) -> RivaError:
        code = self.poll()
        for line in self._lines:
            if match := _FAILED.search(line):
                model = match["model"] or match["unversioned"] or Path(match["folder"]).name
                return ModelsNotLoaded(
                    f"Triton refused the model {model}: {match['reason'].strip()}",
                    f"something in {self._repository} was changed, or belongs to another machine",
                    "make the model repository again with riva-deploy -f",
                )
        taken = next((line for line in self._lines if _PORT_TAKEN.search(line)), None)
        if taken is not None:
            return PortTaken(
                f"Triton cannot listen: {taken.split('] ')[-1].rstrip()}",
                "another process uses the port",
                "leave the port out, so that a free one is taken",
            )
        said = " / ".join(list(self._lines)[-3:]) or "nothing"
        return TritonNotReady(
            f"Triton ended with {code} before it was ready; it said last: {said}",
            fix="look at Triton's log above for the first line that begins with E",
        )
