"""`grpc_health_probe -addr=HOST:PORT`: asks a gRPC server how it is.

Flags, words and exit codes are those of the tool of that name (github.com/grpc-ecosystem/grpc-health-probe), which
Riva's scripts call.

It runs every few seconds in a container, so that it imports as little as it can.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pipelines import __version__

if TYPE_CHECKING:
    import grpc

__all__ = ["main"]

OK, INVALID_ARGUMENTS, CONNECTION_FAILURE, RPC_FAILURE, UNHEALTHY = range(5)

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"([\d.]+)([a-zµ]+)")
_SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


class _Failure(Exception):
    """Ends the program with a line on stderr."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(line)
        self.code = code


def main(argv: list[str] | None = None) -> int:
    """Probes once; returns 0, or 1 for wrong flags, 2 for no connection, 3 for a failed call, 4 for another state."""
    try:
        flags = _parse(argv)
        if flags.version:
            print(f"riva-ci {__version__}")
            return OK
        _check(flags)
        with ExitStack() as held:
            status = _probe(flags, held)
    except _Failure as failure:
        print(failure, file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print("cancellation received (signal: interrupt)", file=sys.stderr)
        return CONNECTION_FAILURE
    if status != "SERVING":
        print(f'service unhealthy (responded with "{status}")', file=sys.stderr)
        return UNHEALTHY
    print(f"status: {status}", file=sys.stderr)
    return OK


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Failure(INVALID_ARGUMENTS, message)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser(
        "grpc_health_probe", description="Asks a gRPC server how it is.", allow_abbrev=False, add_help=False
    )
    parser.add_argument("-h", "-help", "--help", action="help", help="show this and exit")

    def text(name: str, meaning: str, default: str = "") -> None:
        parser.add_argument(f"-{name}", f"--{name}", default=default, metavar="TEXT", help=meaning)

    def switch(name: str, meaning: str) -> None:
        # As in Go, `-tls` and `-tls=true` are the same.
        parser.add_argument(f"-{name}", f"--{name}", nargs="?", const=True, default=False, type=_boolean, help=meaning)

    text("addr", "(required) tcp host:port to connect to; unix:///PATH too")
    text("service", "service to ask about; the whole server if empty")
    text("user-agent", "user agent of the call", "grpc_health_probe")
    for name, what in (("connect", "the connection"), ("rpc", "the answer")):
        parser.add_argument(
            f"-{name}-timeout", f"--{name}-timeout", default="1s", metavar="TIME", help=f"how long {what} may take"
        )
    parser.add_argument(
        "-rpc-header",
        "--rpc-header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="header of the call; may be repeated",
    )
    switch("tls", "speak TLS")
    switch("tls-no-verify", "with -tls: take any certificate (INSECURE)")
    text("tls-ca-cert", "with -tls: file of the certificates that vouch for the server; the system's if empty")
    text("tls-client-cert", "with -tls: file of the certificate to show; needs -tls-client-key")
    text("tls-client-key", "with -tls: file of its private key; needs -tls-client-cert")
    text("tls-server-name", "with -tls: name to look for in the certificate, in place of the host's")
    switch("gzip", "compress the call")
    switch("alts", "not supported here")
    switch("spiffe", "not supported here")
    switch("v", "say what is done")
    switch("version", "print the version")
    flags, unknown = parser.parse_known_args(argv)
    if unknown and unknown[0].startswith("-"):
        raise _Failure(INVALID_ARGUMENTS, f"flag provided but not defined: -{unknown[0].lstrip('-').split('=')[0]}")
    return flags


def _boolean(text: str) -> bool:
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"invalid boolean value {text!r}")


def _check(flags: argparse.Namespace) -> None:
    for problem in _problems(flags):
        raise _Failure(INVALID_ARGUMENTS, f"error: {problem}")


def _problems(flags: argparse.Namespace) -> Iterator[str]:
    if not flags.addr:
        yield "-addr not specified"
    for name in ("connect-timeout", "rpc-timeout"):
        typed = getattr(flags, name.replace("-", "_"))
        if _seconds(typed) <= 0:
            yield f"-{name} must be greater than zero (specified: {typed})"
    for header in flags.rpc_header:
        if ":" not in header:
            yield f"invalid RPC header, expected 'key: value', got \"{header}\""
    for name in ("alts", "spiffe"):
        if getattr(flags, name):
            yield f"-{name} is not supported by this probe"
    for name in ("tls-no-verify", "tls-ca-cert", "tls-client-cert", "tls-server-name"):
        if getattr(flags, name.replace("-", "_")) and not flags.tls:
            yield f"specified -{name} without specifying -tls"
    if flags.tls_client_cert and not flags.tls_client_key:
        yield "specified -tls-client-cert without specifying -tls-client-key"
    if flags.tls_client_key and not flags.tls_client_cert:
        yield "specified -tls-client-key without specifying -tls-client-cert"
    if flags.tls_no_verify and flags.tls_ca_cert:
        yield "cannot specify -tls-ca-cert with -tls-no-verify (CA cert would not be used)"
    if flags.tls_no_verify and flags.tls_server_name:
        yield "cannot specify -tls-server-name with -tls-no-verify (server name would not be used)"


def _seconds(text: str) -> float:
    """A duration as Go spells it, such as 1m30s or 500ms."""
    if text.strip("+-") == "0":
        return 0.0
    if not _DURATION.fullmatch(text.lstrip("+-")):
        raise _Failure(INVALID_ARGUMENTS, f'invalid duration "{text}"')
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return -seconds if text.startswith("-") else seconds


def _probe(flags: argparse.Namespace, held: ExitStack) -> str:
    """The name of the status that the server answers with."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    say = print if flags.v else lambda *_, **__: None
    say(f"establishing connection to {flags.addr} (tls={flags.tls})", file=sys.stderr)
    started = time.monotonic()
    channel = held.enter_context(_channel(flags, held))
    try:
        grpc.channel_ready_future(channel).result(timeout=_seconds(flags.connect_timeout))
    except grpc.FutureTimeoutError:
        raise _Failure(
            CONNECTION_FAILURE, f'timeout: failed to connect service "{flags.addr}" within {flags.connect_timeout}'
        ) from None
    say(f"connection established (took {time.monotonic() - started:.3f}s)", file=sys.stderr)
    request = health_pb2.HealthCheckRequest(service=flags.service)
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            request, timeout=_seconds(flags.rpc_timeout), metadata=[*map(_header, flags.rpc_header)]
        )
    except grpc.RpcError as error:
        raise _Failure(RPC_FAILURE, _explain(error.code(), error.details(), flags.rpc_timeout)) from error
    say(f"time elapsed: {time.monotonic() - started:.3f}s", file=sys.stderr)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _channel(flags: argparse.Namespace, held: ExitStack) -> "grpc.Channel":
    import grpc

    target = f"localhost{flags.addr}" if flags.addr.startswith(":") else flags.addr
    options = [("grpc.primary_user_agent", flags.user_agent)]
    compression = grpc.Compression.Gzip if flags.gzip else None
    if not flags.tls:
        return grpc.insecure_channel(target, options, compression)
    certificate = flags.tls_client_cert, flags.tls_client_key
    try:
        if flags.tls_no_verify:
            from pipelines.cli.unverified_tls import relay

            return grpc.insecure_channel(held.enter_context(relay(target, certificate)), options, compression)
        if flags.tls_server_name:
            options.append(("grpc.ssl_target_name_override", flags.tls_server_name))
        key, chain = (
            (Path(flags.tls_client_key).read_bytes(), Path(flags.tls_client_cert).read_bytes())
            if flags.tls_client_cert
            else (None, None)
        )
        roots = Path(flags.tls_ca_cert or _SYSTEM_ROOTS).read_bytes()
    except OSError as error:
        raise _Failure(INVALID_ARGUMENTS, f"failed to initialize tls credentials. error={error}") from error
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(roots, key, chain), options, compression)


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.lower(), value.lstrip()


def _explain(code: "grpc.StatusCode", details: str | None, limit: str) -> str:
    if code.name == "UNIMPLEMENTED":
        return f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {details}"
    if code.name == "DEADLINE_EXCEEDED":
        return f"timeout: health rpc did not complete within {limit}"
    name = code.name.replace("CANCELLED", "CANCELED").title().replace("_", "")
    return f"error: health rpc failed: rpc error: code = {name} desc = {details}"


if __name__ == "__main__":
    sys.exit(main())
