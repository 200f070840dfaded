"""`start-riva`: Triton and the API server on one machine, with the flags of Riva's own start-riva."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine
from pipelines.cli.flags import flag
from pipelines.cli.server_flags import ServerFlags, check, from_gflags, server_options

__all__ = ["COMMAND_LINE", "main"]


@dataclass(frozen=True, kw_only=True)
class StartFlags(ServerFlags):
    """Flags of start-riva."""

    model_repository: Path = flag(
        Path("/data/models"), "the model repository, made by riva-deploy", name="model-repository", metavar="DIR"
    )
    triton_uri: str = flag(
        "", "use the Triton that runs there instead of starting one", name="triton-uri", metavar="HOST:PORT"
    )
    triton_host: str = flag(
        "127.0.0.1", "address on which our Triton listens; it has no access control", name="triton-host"
    )
    triton_grpc_port: int = flag(0, "gRPC port of our Triton; 0 picks a free one", name="triton-grpc-port")
    triton_http_port: int = flag(0, "HTTP port of our Triton; 0 picks a free one", name="triton-http-port")
    triton_metrics_port: int = flag(0, "metrics port of our Triton; 0 picks a free one", name="triton-metrics-port")


COMMAND_LINE = CommandLine(
    "start-riva", "Starts Triton on a model repository and the Riva API server in front of it.", StartFlags
)


def main(argv: list[str] | None = None) -> int:
    """Runs start-riva until it is told to stop; returns the exit code."""
    return run(_start, argv)


def _start(argv: list[str]) -> int:
    flags = COMMAND_LINE.parse(list(from_gflags(argv, COMMAND_LINE.flags))).options
    check(flags)
    from pipelines.stages.serve import ServeRequest, serve
    from pipelines.triton.process import TritonPorts

    ports = TritonPorts(
        host=flags.triton_host,
        grpc=flags.triton_grpc_port,
        http=flags.triton_http_port,
        metrics=flags.triton_metrics_port,
    )
    serve(
        ServeRequest(
            server=server_options(flags, triton_uri=flags.triton_uri),
            repository=flags.model_repository,
            triton_ports=ports,
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
