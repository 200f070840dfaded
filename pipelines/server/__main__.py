"""The API server's process: `python -m pipelines.server OPTIONS`, with `ServerOptions` as JSON."""

import asyncio
import ctypes
import signal
import sys

from pipelines.cli import run
from pipelines.server.options import ServerOptions

_PR_SET_PDEATHSIG = 1  # prctl(2)


def _serve(argv: list[str]) -> int:
    from pipelines.server import access_log
    from pipelines.server.app import Server

    (text,) = argv
    options = ServerOptions.from_json(text)
    access_log.set_up(verbose=options.verbose)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # a supervisor that was killed leaves nothing behind

    async def serve() -> None:
        await Server(options).run()

    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(run(_serve))
