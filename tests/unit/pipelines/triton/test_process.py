"""Whatever stops Triton from serving becomes one clear error, and no process is left behind."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import ModelsNotLoaded, NotARepository, PortTaken, TritonNotReady
from pipelines.triton import process
from pipelines.triton.installation import Installation
from pipelines.triton.process import TritonPorts, TritonProcess

READY = """
import http.server, sys, threading, time
port = next(int(a.split("=")[1]) for a in sys.argv if a.startswith("--http-port"))
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
print("I1 model_lifecycle.cc:849] successfully loaded 'a'", flush=True)
http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "models/a/1").mkdir(parents=True)
    (tmp_path / "models/a/config.pbtxt").write_text('name: "a"')
    return tmp_path / "models"


@pytest.fixture
def binary(tmp_path, monkeypatch):
    """Puts a Python script in the place of tritonserver."""

    def install(source):
        script = tmp_path / "tritonserver"
        script.write_text(f"#!{sys.executable}\n{source}")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        backend = tmp_path / "backend"
        backend.mkdir()
        (tmp_path / "stub").touch()
        installation = Installation(script, backend, tmp_path / "stub", ())
        monkeypatch.setattr(process, "find_installation", lambda: installation)

    return install


def test_it_is_ready_when_triton_says_so_and_stops(binary, repository):
    """The addresses are those it listens on; after the block the process is gone."""
    binary(READY)

    with TritonProcess(repository) as triton:
        pid = triton.pid
        assert triton.poll() is None
        assert triton.grpc_address == f"127.0.0.1:{triton.ports.grpc}"
        assert len({triton.ports.grpc, triton.ports.http, triton.ports.metrics}) == 3

    assert triton.poll() is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("failed to load 'a' version 1: Internal: no libs", "Internal: no libs"),
        (r"failed to load 'a' version 1: Internal: KeyError: x\n\nAt:\n  a.py(3): f\n", "Internal: KeyError: x"),
        ("failed to load model 'a': at least one version must be available", "at least one version must be available"),
        ("Poll failed for model directory '/models/a': unexpected name", "unexpected name"),
    ],
)
def test_the_reason_for_a_refused_model_is_told(binary, repository, said, reason):
    """Triton's own words about the model are the message, without the traceback of a Python model."""
    line = f'E1 model_lifecycle.cc:654] "{said}"'
    binary(f"import sys; print({line!r}); sys.exit(1)")

    with pytest.raises(ModelsNotLoaded) as caught:
        TritonProcess(repository).start()
    assert caught.value.what == f"Triton refused the model a: {reason}"


def test_a_taken_port_is_told(binary, repository):
    """A port that another process has is the reason, not the end of the process."""
    binary("import sys; print(\"E1 main.cc:1] Unavailable: Socket '127.0.0.1:8001' already in use\"); sys.exit(1)")

    with pytest.raises(PortTaken, match=r"cannot listen: Unavailable: Socket '127.0.0.1:8001'"):
        TritonProcess(repository, ports=TritonPorts(grpc=8001)).start()


def test_an_early_end_repeats_the_last_words(binary, repository):
    """Exit code and last lines are in the message."""
    binary("import sys; print('Illegal instruction'); sys.exit(3)")

    with pytest.raises(TritonNotReady, match=r"ended with 3.*Illegal instruction"):
        TritonProcess(repository).start()


def test_a_hanging_triton_is_stopped_after_the_limit(binary, repository, monkeypatch):
    """It names what is not loaded, and kills a process that does not heed SIGINT."""
    monkeypatch.setattr(process.TritonProcess.stop, "__kwdefaults__", {"limit": 0.2})
    binary("import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('up', flush=True); time.sleep(60)")
    triton = TritonProcess(repository)

    with pytest.raises(TritonNotReady, match="not loaded: a"):
        triton.start(limit=0.5)

    assert triton.poll() is not None


def test_a_repository_without_models_starts_nothing(tmp_path):
    """The wrong folder is told before any process is started."""
    with pytest.raises(NotARepository):
        TritonProcess(tmp_path).start()


def test_triton_dies_with_its_parent(binary, repository, tmp_path):
    """A killed supervisor leaves no server behind."""
    binary(READY)
    installation = process.find_installation()
    supervisor = f"""
import os
from pathlib import Path, PosixPath
from pipelines.triton import process
from pipelines.triton.installation import Installation
process.find_installation = lambda: {installation!r}
triton = process.TritonProcess(Path({str(repository)!r}))
triton.start()
print(triton.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", supervisor], capture_output=True, text=True)
    pid = int(done.stdout)

    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    """Whether a process is there and not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_triton_that_became_ready_is_not_killed_by_the_interrupt_of_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is interrupted while waiting for a Triton that serves already stops it after its callers, not before."""
    triton, stopped = TritonProcess(tmp_path), []
    stop = triton.stop
    monkeypatch.setattr("pipelines.triton.process.model_names", lambda _: ["a"])
    monkeypatch.setattr("pipelines.triton.process.find_installation", lambda: None)
    monkeypatch.setattr("pipelines.triton.process.lay_out_backend", lambda *_: None)
    monkeypatch.setattr(triton, "_launch", lambda _: None)
    monkeypatch.setattr(triton, "_await_ready", interrupted)
    monkeypatch.setattr(triton, "stop", lambda **_: stopped.append(True))

    for ready, stops in ((True, []), (False, [True])):
        monkeypatch.setattr(triton, "_is_ready", lambda ready=ready: ready)
        with pytest.raises(KeyboardInterrupt):
            triton.start()
        stop()
        assert stopped == stops


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt
