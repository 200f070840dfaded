"""The seam to the machine: whatever a probe meets, it ends in time and says what happened."""

import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ci.doctor import probe
from ci.doctor.probe import Answer, Ran, ThisMachine

MACHINE = ThisMachine()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def script(folder: Path, text: str) -> str:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server that refuses everybody, as a registry does, and remembers what it was asked for."""
    asked: list[str] = []

    class Registry(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response_only(401)
            self.send_header("Date", formatdate(1_700_000_000, usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{listening.server_port}", asked
        listening.shutdown()
        thread.join()


def test_a_command_is_heard_out(tmp_path: Path) -> None:
    """What it prints and its exit code are kept; its last line is its complaint."""
    ran = MACHINE.run(script(tmp_path, "echo fine; echo first >&2; echo last >&2; exit 9"))

    assert (ran.stdout, ran.code, ran.ok, ran.complaint) == ("fine\n", 9, False, "last")


def test_commands_speak_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's language does not change what is understood."""
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    assert MACHINE.run(script(tmp_path, 'echo "$LC_ALL"')).stdout == "C\n"


@pytest.mark.parametrize("text", ["trap '' TERM; sleep 60", "sleep 60 & sleep 60"], ids=["deaf", "with a child"])
def test_a_hung_command_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Neither a command that heeds no signal nor a child that holds its output is waited for."""
    monkeypatch.setattr(probe, "COMMAND_SECONDS", 0.3)
    started = time.monotonic()

    ran = MACHINE.run(script(tmp_path, text))

    assert ran.hung
    assert not ran.ok
    assert "had not answered" in ran.complaint
    assert time.monotonic() - started < 2


def test_a_command_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """No such command is one thing, one that may not be run another."""
    (tmp_path / "docker").write_text("not a program")

    assert MACHINE.run("riva-no-such-command") == Ran(missing=True)
    assert MACHINE.run(str(tmp_path / "docker")).complaint.endswith("Permission denied")


def test_files_that_are_not_there_are_empty(tmp_path: Path) -> None:
    """A file that is missing, and a folder in its place, read as nothing."""
    (tmp_path / "a").write_text("text")

    assert MACHINE.read(str(tmp_path / "a")) == "text"
    assert MACHINE.read(str(tmp_path / "b")) == ""
    assert MACHINE.read(str(tmp_path)) == ""


def test_a_refusal_is_an_answer(server: tuple[str, list[str]]) -> None:
    """A registry answers 401 to everybody; its clock comes with it."""
    answer = MACHINE.fetch(f"http://{server[0]}/v2/")

    assert (answer.status, answer.error, answer.proxy) == (401, "", "")
    assert answer.date == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.at == pytest.approx(time.time(), abs=5)


def test_the_proxy_is_asked_and_its_password_kept(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY and its kin are heeded; what is told of them has no password."""
    address, asked = server
    monkeypatch.setenv("http_proxy", f"http://user:secret@{address}")

    answer = MACHINE.fetch("http://registry.invalid/v2/")

    assert asked == ["http://registry.invalid/v2/"]
    assert (answer.status, answer.proxy) == (401, address)


def test_no_proxy_is_heeded(server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY takes an address out."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert MACHINE.fetch(f"http://{server[0]}/v2/").status == 401


def test_nothing_there_is_said() -> None:
    """A port where nobody listens is no answer, with the reason."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        answer = MACHINE.fetch(f"http://127.0.0.1:{free.getsockname()[1]}/v2/")

    assert answer.status == 0
    assert "refused" in answer.error


@pytest.mark.parametrize(("status", "complaint"), [(200, ""), (401, ""), (407, "HTTP 407"), (503, "HTTP 503")])
def test_only_a_registry_answers_like_one(status: int, complaint: str) -> None:
    """A proxy that wants a password, or that cannot reach the registry, answers too."""
    assert Answer(status).complaint == complaint


def test_a_name_server_that_is_silent_hangs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking up a name has no time limit of its own."""
    woken = threading.Event()
    monkeypatch.setattr(probe, "NETWORK_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: woken.wait(10) or [])
    started = time.monotonic()

    answer = MACHINE.fetch("http://registry.invalid/v2/")
    woken.set()

    assert "nothing answered" in answer.error
    assert time.monotonic() - started < 1
