"""The probe has the flags, words and exit codes of grpc_health_probe; the servers here are real ones on loopback."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipelines.cli import grpc_health_probe
from tests.certificates import Certificate, certificate

States = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """Answers what the name of the service asks for, and remembers who asked."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.metadata = dict(context.invocation_metadata())
        if request.service == "slow":
            time.sleep(0.5)
        if request.service == "unknown":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        if request.service == "other":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        return States(status=States.NOT_SERVING if request.service == "ill" else States.SERVING)


@pytest.fixture
def health() -> Health:
    return Health()


Listen = Callable[..., str]


@pytest.fixture
def listen(health: Health) -> Iterator[Listen]:
    """Starts a server, with TLS if it is given credentials; returns its address as Riva's scripts write it."""
    servers = []

    def start(credentials: grpc.ServerCredentials | None = None) -> str:
        server = grpc.server(ThreadPoolExecutor(2))
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        add = server.add_insecure_port if credentials is None else server.add_secure_port
        port = add("localhost:0", *([] if credentials is None else [credentials]))
        server.start()
        servers.append(server)
        return f":{port}"

    yield start
    for server in servers:
        server.stop(0)


def secure(files: Certificate, *, clients: Certificate | None = None) -> grpc.ServerCredentials:
    root = clients.cert.read_bytes() if clients else None
    return grpc.ssl_server_credentials(
        [(files.key.read_bytes(), files.cert.read_bytes())], root, require_client_auth=clients is not None
    )


def test_a_server_that_serves(listen: Listen, capsys: pytest.CaptureFixture[str]) -> None:
    """The line that people know, on stderr as the original has it, and exit code 0."""
    assert grpc_health_probe.main([f"-addr={listen()}"]) == 0
    assert capsys.readouterr() == ("", "status: SERVING\n")


@pytest.mark.parametrize(
    ("service", "code", "said"),
    [
        ("ill", 4, 'service unhealthy (responded with "NOT_SERVING")'),
        ("slow", 3, "timeout: health rpc did not complete within 100ms"),
        ("unknown", 3, "error: health rpc failed: rpc error: code = NotFound desc = no such service"),
        ("other", 3, "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "
         "Method not found!"),
    ],
)  # fmt: skip
def test_a_server_that_does_not(
    listen: Listen, capsys: pytest.CaptureFixture[str], service: str, code: int, said: str
) -> None:
    """Each state has its exit code and its words."""
    words = ["-addr", f"127.0.0.1{listen()}", f"-service={service}", "-rpc-timeout", "100ms", "-connect-timeout=5s"]

    assert grpc_health_probe.main(words) == code
    assert capsys.readouterr().err == f"{said}\n"


def test_nobody_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """What riva_start.sh shows while the models are being loaded."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))  # and does not listen
        address = f":{taken.getsockname()[1]}"

        assert grpc_health_probe.main([f"-addr={address}", "-connect-timeout=200ms"]) == 2
    assert capsys.readouterr().err == f'timeout: failed to connect service "{address}" within 200ms\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "error: -addr not specified"),
        (["-addr=:1", "-connect-timeout=0s"], "error: -connect-timeout must be greater than zero (specified: 0s)"),
        (["-addr=:1", "-rpc-timeout=-1m30s"], "error: -rpc-timeout must be greater than zero (specified: -1m30s)"),
        (["-addr=:1", "-rpc-timeout=soon"], 'invalid duration "soon"'),
        (["-addr=:1", "-tls-no-verify"], "error: specified -tls-no-verify without specifying -tls"),
        (["-addr=:1", "-tls=false", "-tls-ca-cert=a"], "error: specified -tls-ca-cert without specifying -tls"),
        (["-addr=:1", "-tls-client-key=a"], "error: specified -tls-client-key without specifying -tls-client-cert"),
        (["-addr=:1", "-tls", "-tls-client-cert=a"], "without specifying -tls-client-key"),
        (["-addr=:1", "-tls", "-tls-no-verify", "-tls-ca-cert=a"], "cannot specify -tls-ca-cert with -tls-no-verify"),
        (["-addr=:1", "-tls", "-tls-no-verify", "-tls-server-name=a"], "cannot specify -tls-server-name with"),
        (["-addr=:1", "-tls", "-tls-ca-cert=gone"], "failed to initialize tls credentials. error="),
        (["-addr=:1", "-tls", "-tls-no-verify", "-tls-client-cert=a", "-tls-client-key=b"], "failed to initialize tls"),
        (["-addr=:1", "-rpc-header=alone"], "invalid RPC header, expected 'key: value', got \"alone\""),
        (["-addr=:1", "-spiffe"], "error: -spiffe is not supported by this probe"),
        (["-addr=:1", "--bogus=1"], "flag provided but not defined: -bogus"),
        (["-addr=:1", "-tls=maybe"], "invalid boolean value"),
    ],
)
def test_wrong_flags(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    """Exit code 1 before anything is asked, in the words of the original."""
    assert grpc_health_probe.main(words) == 1
    assert said in capsys.readouterr().err


def test_what_the_server_sees(listen: Listen, health: Health) -> None:
    """Headers, user agent and compression reach the server."""
    address = listen()

    words = [f"--addr={address}", "-rpc-header=X-One: 1", "-rpc-header", "x-two:2", "-user-agent=me", "-gzip"]
    assert grpc_health_probe.main(words) == 0
    assert (health.metadata["x-one"], health.metadata["x-two"]) == ("1", "2")
    assert health.metadata["user-agent"].startswith("me ")


@pytest.mark.parametrize("flags", [["-tls-ca-cert={ca}"], ["-tls-no-verify"]])
def test_tls(listen: Listen, tmp_path: Path, flags: list[str]) -> None:
    """A certificate is checked against its authority, or not at all where that is asked for."""
    authority, issuer = certificate(tmp_path, "ca")
    server, _ = certificate(tmp_path, "server", issuer)
    address = listen(secure(server))

    words = [f"-addr={address}", "-tls", *(flag.format(ca=authority.cert) for flag in flags)]
    assert grpc_health_probe.main(words) == 0


def test_a_stranger_is_not_believed(listen: Listen, tmp_path: Path) -> None:
    """Without -tls-no-verify, a certificate that nobody vouches for, or another name, is no connection."""
    authority, issuer = certificate(tmp_path, "ca")
    server, _ = certificate(tmp_path, "server", issuer)
    stranger, _ = certificate(tmp_path, "stranger")
    words = [f"-addr={listen(secure(server))}", "-tls", "-connect-timeout=300ms"]

    assert grpc_health_probe.main([*words, f"-tls-ca-cert={stranger.cert}"]) == 2
    assert grpc_health_probe.main([*words, f"-tls-ca-cert={authority.cert}", "-tls-server-name=elsewhere"]) == 2
    assert grpc_health_probe.main([*words, f"-tls-ca-cert={authority.cert}", "-tls-server-name=localhost"]) == 0


@pytest.mark.parametrize("unverified", [True, False])
def test_a_server_that_wants_a_certificate_of_its_clients(listen: Listen, tmp_path: Path, unverified: bool) -> None:
    """Riva's scripts show the server's own; without one there is no connection."""
    files, _ = certificate(tmp_path, "server")
    address = listen(secure(files, clients=files))
    words = [f"-addr={address}", "-tls", "-tls-no-verify" if unverified else f"-tls-ca-cert={files.cert}"]

    assert grpc_health_probe.main([*words, f"-tls-client-cert={files.cert}", f"-tls-client-key={files.key}"]) == 0
    assert grpc_health_probe.main([*words, "-connect-timeout=300ms"]) != 0


def test_the_relay_leaves_nothing_open(listen: Listen, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """Nobody there, and a server without TLS, are no connection; no thread or task outlives the probe."""
    for address in (listen(), ":1"):
        assert grpc_health_probe.main([f"-addr={address}", "-tls", "-tls-no-verify", "-connect-timeout=300ms"]) == 2

    assert [str(warning.message) for warning in recwarn] == []


def test_verbose_tells_the_steps(listen: Listen, capsys: pytest.CaptureFixture[str]) -> None:
    """-v says what is done and how long it took."""
    assert grpc_health_probe.main([f"-addr={listen()}", "-v"]) == 0
    said = capsys.readouterr().err
    assert "establishing connection" in said
    assert "time elapsed" in said
