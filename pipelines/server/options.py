"""How the API server is to run; parsed by `pipelines.cli.start_riva`, handed to the server's process as JSON."""

import json
from dataclasses import asdict, dataclass

__all__ = ["ServerOptions"]


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Everything the API server is told.

    Attributes:
        riva_uri: `host:port` to listen on; port 0 picks a free one.
        triton_uri: `host:port` of Triton's gRPC service.
        triton_is_local: Whether Triton runs on this machine and sees this machine's shared memory.
        services: Which of `asr`, `nlp`, `tts` and `nmt` to offer, if the repository has pipelines for them.
        use_ssl: Whether to speak TLS, with the files named below (PEM).
        ssl_use_mutual_auth: Whether clients must show a certificate that `ssl_root_cert` vouches for.
        metrics_port: Port of the Prometheus text; 0 picks a free one, None serves none.
        max_streams: Streams a pipeline; 0 takes the pipeline's own `max_streams`.
        max_offline_requests: Recordings recognised at once; more wait.
        max_offline_queue: Recordings that may wait.
        max_text_requests: Calls with texts served at once; more wait.
        max_text_queue: Calls with texts that may wait.
        max_message_mb: Largest request, in MiB. One hour of 16-bit mono PCM is 110 MiB at 16 kHz and 330 MiB at 48 kHz.
        config_timeout: Seconds within which a stream must send its configuration.
        idle_timeout: Seconds that a stream may stay silent.
        grace_period: Seconds that running calls get after SIGTERM.
        verbose: Whether to log details of every call.
    """

    riva_uri: str = "0.0.0.0:50051"
    triton_uri: str = "localhost:8001"
    triton_is_local: bool = False
    services: tuple[str, ...] = ("asr", "nlp")
    use_ssl: bool = False
    ssl_server_cert: str = ""
    ssl_server_key: str = ""
    ssl_root_cert: str = ""
    ssl_use_mutual_auth: bool = False
    metrics_port: int | None = None
    max_streams: int = 0
    max_offline_requests: int = 8
    max_offline_queue: int = 64
    max_text_requests: int = 64
    max_text_queue: int = 256
    max_message_mb: int = 384
    config_timeout: float = 30.0
    idle_timeout: float = 600.0
    grace_period: float = 20.0
    verbose: bool = False

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ServerOptions":
        """Reads what `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "services": tuple(fields["services"])})
