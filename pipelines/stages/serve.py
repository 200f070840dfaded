"""The serve stage: Triton on a model repository and the API server before it, watched together until one of them ends.

The lines on stdout are those of Riva's own start-riva, which scripts wait for. Two processes, and not one, because
Triton is a binary; and the API server is not part of this process, so that a supervisor that does nothing but watch
cannot be what fails.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pipelines.errors import PortTaken, ProcessDied, RivaError
from pipelines.malloc import KEEP_MEMORY
from pipelines.server.options import ServerOptions
from pipelines.tied_process import tied_to_this_process
from pipelines.triton.process import TritonPorts, TritonProcess

__all__ = ["ServeRequest", "serve"]

_WATCH_SECONDS = 0.2  # how soon the end of a process is noticed
_WAITING_SECONDS = 1.0  # between two lines that say that Triton is still loading
_KILL_SECONDS = 10.0  # beyond its grace period, before the API server is killed


@dataclass(frozen=True, kw_only=True)
class ServeRequest:
    """What is to be served.

    Attributes:
        server: How the API server runs. Its `triton_uri` names a Triton that runs already, or is empty for one of our
            own.
        repository: The model repository for a Triton of our own.
        triton_ports: Where that Triton listens.
    """

    server: ServerOptions
    repository: Path
    triton_ports: TritonPorts = field(default_factory=TritonPorts)


class _Stop(BaseException):
    """SIGTERM or SIGINT came. Not an `Exception`, so that nothing that handles errors on the way takes it for one."""


def serve(request: ServeRequest) -> None:
    """Serves until SIGTERM or SIGINT; then running calls get their grace period.

    Raises:
        PortTaken: The address of the API cannot be had, or a port that was asked for Triton.
        TritonMissing, NotARepository, ModelsNotLoaded, TritonNotReady: Triton did not start.
        ProcessDied: One of the processes ended by itself; the other has been stopped.
    """
    _check_free(request.server.riva_uri)
    with _stop_on_signals():
        if request.server.triton_uri:
            _run_server(request.server, triton=None)
            return
        ports = request.triton_ports.picked()
        triton = TritonProcess(request.repository, ports=ports, log=_print_log)
        server = dataclasses.replace(request.server, triton_uri=f"{ports.host}:{ports.grpc}", triton_is_local=True)
        try:
            _run_server(server, triton=triton)
        finally:
            triton.stop()


def _run_server(options: ServerOptions, *, triton: TritonProcess | None) -> None:
    # The API server starts at once, so that what it imports is there when the models are; it listens when it is told.
    server = subprocess.Popen(
        tied_to_this_process([sys.executable, "-m", "pipelines.server", options.to_json()]),
        stdin=subprocess.PIPE,
        env={**KEEP_MEMORY, **os.environ},
        start_new_session=True,  # Ctrl-C reaches us; the server gets its SIGTERM from here
    )
    try:
        if triton is not None:
            _start(triton)
        _let_listen(server)
        while server.poll() is None and (triton is None or triton.poll() is None):
            time.sleep(_WATCH_SECONDS)
        _say("One of the processes has exited unexpectedly. Stopping container.")
        if server.returncode is None:
            assert triton is not None
            raise ProcessDied(f"Triton ended with {triton.poll()}; it said last: {' / '.join(triton.output[-3:])}")
        raise ProcessDied(f"the API server ended with {server.returncode}", "it says why above")
    except _Stop:
        _say("  > Riva is stopping: running calls may finish...")
    finally:
        server.terminate()
        try:
            server.wait(options.grace_period + _KILL_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _let_listen(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    with suppress(BrokenPipeError), server.stdin as pipe:  # if it has ended already, the watch says so
        pipe.write(b"listen\n")


def _start(triton: TritonProcess) -> None:
    with _each_second(lambda: _say("  > Riva waiting for Triton server to load all models...retrying in 1 second")):
        try:
            triton.start()
        except RivaError:
            _say("  > Triton server died before reaching ready state. Terminating Riva startup.")
            raise
    _say("  > Triton server is ready...")


def _check_free(address: str) -> None:
    """Fails now rather than after the models are loaded; the API server still has the last word."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not count
            probe.bind((host.strip("[]"), int(port)))
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {address}: {error.strerror}",
            "another server uses the port, or the address is not one of this machine",
            "stop the other server, or choose another port with --riva-uri (0 picks a free one)",
        ) from error


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    """Turns the first SIGTERM or SIGINT into `_Stop`; later ones change nothing, since stopping has begun."""

    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise _Stop

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _Stop:
        return
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _each_second(say: Callable[[], None]) -> Iterator[None]:
    """Says something once a second until the block is left."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(_WAITING_SECONDS):
            say()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _say(line: str) -> None:
    print(line, flush=True)


def _print_log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
