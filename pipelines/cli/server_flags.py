"""The flags of the API server, which `start-riva` and `riva_server` share.

They are gflags: `-` and `_` are the same in names, one dash does as well as two, a boolean stands alone, as `--noNAME`
or with a value.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.cli.flags import FALSE, TRUE, Flag, flag
from pipelines.errors import MissingInput, UsageError
from pipelines.server.options import ServerOptions

__all__ = ["ServerFlags", "check", "from_gflags", "server_options"]

_DEFAULTS = ServerOptions()


@dataclass(frozen=True, kw_only=True)
class ServerFlags:
    """Flags of whatever runs the API server."""

    riva_uri: str = flag(
        _DEFAULTS.riva_uri, "address of the API; port 0 picks a free one", name="riva-uri", metavar="HOST:PORT"
    )
    asr_service: bool = flag(True, "offer speech recognition")
    nlp_service: bool = flag(True, "offer language understanding: punctuation and capitals")
    tts_service: bool = flag(False, "offer speech synthesis (answers UNIMPLEMENTED here)")
    nmt_service: bool = flag(False, "offer translation (answers UNIMPLEMENTED here)")
    metrics_port: int | None = flag(
        None,
        "serve Prometheus metrics of the API on this port; 0 picks a free one, None serves none",
        name="metrics-port",
    )
    use_ssl: bool = flag(False, "speak TLS; needs --ssl_server_cert and --ssl_server_key")
    ssl_server_cert: str = flag("", "the server's certificate chain, PEM", metavar="FILE")
    ssl_server_key: str = flag("", "the server's private key, PEM", metavar="FILE")
    ssl_root_cert: str = flag("", "certificates that vouch for clients, PEM", metavar="FILE")
    ssl_use_mutual_auth: bool = flag(False, "clients must show a certificate; needs --ssl_root_cert")
    max_streams: int = flag(
        _DEFAULTS.max_streams, "streams a pipeline holds; 0 takes what it was built with", name="max-streams"
    )
    max_offline_requests: int = flag(
        _DEFAULTS.max_offline_requests, "recordings recognised at once; more wait", name="max-offline-requests"
    )
    max_offline_queue: int = flag(
        _DEFAULTS.max_offline_queue, "recordings that may wait; more are refused", name="max-offline-queue"
    )
    max_text_requests: int = flag(
        _DEFAULTS.max_text_requests, "calls with texts served at once; more wait", name="max-text-requests"
    )
    max_text_queue: int = flag(
        _DEFAULTS.max_text_queue, "calls with texts that may wait; more are refused", name="max-text-queue"
    )
    max_message_mb: int = flag(
        _DEFAULTS.max_message_mb,
        "largest request in MiB; one hour of 16-bit PCM is 110 MiB at 16 kHz, 330 MiB at 48 kHz",
        name="max-message-mb",
    )
    config_timeout: float = flag(
        _DEFAULTS.config_timeout, "seconds within which a stream must send its configuration", name="config-timeout"
    )
    idle_timeout: float = flag(_DEFAULTS.idle_timeout, "seconds that a stream may stay silent", name="idle-timeout")
    grace_period: float = flag(
        _DEFAULTS.grace_period, "seconds that running calls get after SIGTERM", name="grace-period"
    )
    verbose: bool = flag(False, "log details of every call; print the traceback of an error")


def from_gflags(argv: Sequence[str], flags: Sequence[Flag]) -> Iterator[str]:
    """Spells flags the way `CommandLine` knows them.

    Raises:
        UsageError: A boolean has a value that is none, in the words of gflags, for which people search.
    """
    known = {flag.name.replace("-", "_"): flag for flag in flags}
    for word in argv:
        name, equals, value = word.lstrip("-").partition("=")
        name = name.replace("-", "_")
        negated = name.removeprefix("no")
        if not word.startswith("-") or (name not in known and negated not in known):
            yield word
        elif name not in known:
            yield f"--{known[negated].name}=False"
        elif known[name].boolean and equals and value.lower() not in TRUE | FALSE:
            raise UsageError(
                f"illegal value '{value}' specified for bool flag '{name}'",
                "a variable of the calling script is probably empty" if not value else "",
                f"give --{name}=true or --{name}=false",
            )
        else:
            yield f"--{known[name].name}{equals}{value}"


def check(flags: ServerFlags) -> None:
    """Finds what is wrong with the flags before anything is started.

    Raises:
        UsageError: The address is none, or flags that belong together are not all there.
        MissingInput: A file of TLS cannot be read.
    """
    host, _, port = flags.riva_uri.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--riva-uri={flags.riva_uri}: expected HOST:PORT", fix="for example --riva-uri=0.0.0.0:50051")
    if flags.use_ssl and not (flags.ssl_server_cert and flags.ssl_server_key):
        raise UsageError("--use_ssl needs --ssl_server_cert and --ssl_server_key", fix="name both PEM files")
    if flags.ssl_use_mutual_auth and not (flags.use_ssl and flags.ssl_root_cert):
        raise UsageError(
            "--ssl_use_mutual_auth needs --use_ssl and --ssl_root_cert",
            "without certificates to compare with no client could be let in",
            "name the PEM file of those who vouch for the clients",
        )
    for name in ("ssl_server_cert", "ssl_server_key", "ssl_root_cert") if flags.use_ssl else ():
        if (path := getattr(flags, name)) and not os.access(path, os.R_OK):
            raise MissingInput(
                f"--{name}={path} cannot be read", fix="check the path of the PEM file and its permissions"
            )


def server_options(flags: ServerFlags, *, triton_uri: str) -> ServerOptions:
    """What the flags mean for the server."""
    services = {"asr": flags.asr_service, "nlp": flags.nlp_service, "tts": flags.tts_service, "nmt": flags.nmt_service}
    return ServerOptions(
        riva_uri=flags.riva_uri,
        triton_uri=triton_uri,
        services=tuple(name for name, offered in services.items() if offered),
        use_ssl=flags.use_ssl,
        ssl_server_cert=flags.ssl_server_cert,
        ssl_server_key=flags.ssl_server_key,
        ssl_root_cert=flags.ssl_root_cert,
        ssl_use_mutual_auth=flags.ssl_use_mutual_auth,
        metrics_port=flags.metrics_port,
        max_streams=flags.max_streams,
        max_offline_requests=flags.max_offline_requests,
        max_offline_queue=flags.max_offline_queue,
        max_text_requests=flags.max_text_requests,
        max_text_queue=flags.max_text_queue,
        max_message_mb=flags.max_message_mb,
        config_timeout=flags.config_timeout,
        idle_timeout=flags.idle_timeout,
        grace_period=flags.grace_period,
        verbose=flags.verbose,
    )
