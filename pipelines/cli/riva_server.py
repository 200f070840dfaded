"""`riva_server`: the API server alone, in front of a Triton that runs already, here or elsewhere."""

import sys
from dataclasses import dataclass

from pipelines.cli import run
from pipelines.cli.command_line import CommandLine
from pipelines.cli.flags import flag
from pipelines.cli.server_flags import ServerFlags, check, from_gflags, server_options

__all__ = ["COMMAND_LINE", "main"]


@dataclass(frozen=True, kw_only=True)
class RivaServerFlags(ServerFlags):
    """Flags of riva_server."""

    triton_uri: str = flag(
        "localhost:8001", "gRPC address of the Triton to serve from", name="triton-uri", metavar="HOST:PORT"
    )


COMMAND_LINE = CommandLine(
    "riva_server",
    "Runs the Riva API server in front of a Triton that runs already; it waits for that, and for its models.",
    RivaServerFlags,
)


def main(argv: list[str] | None = None) -> int:
    """Runs riva_server until it is told to stop; returns the exit code."""
    return run(_serve, argv)


def _serve(argv: list[str]) -> int:
    flags = COMMAND_LINE.parse(list(from_gflags(argv, COMMAND_LINE.flags))).options
    check(flags)
    options = server_options(flags, triton_uri=flags.triton_uri)
    import asyncio

    from pipelines.server import access_log
    from pipelines.server.app import Server

    access_log.set_up(verbose=options.verbose)

    async def serve() -> None:
        await Server(options).run(asyncio.sleep(0))  # nobody else is to be waited for

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
