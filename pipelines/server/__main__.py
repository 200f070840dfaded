"""The API server's process: `python -m pipelines.server OPTIONS`, with `ServerOptions` as JSON.

It loads at once, and listens when a line comes on stdin: what start-riva says about Triton is said before any client
can know more.
"""

import asyncio
import sys

from pipelines.cli import run
from pipelines.server.options import ServerOptions


def _serve(argv: list[str]) -> int:
    from pipelines.server import access_log
    from pipelines.server.app import Server

    (text,) = argv
    options = ServerOptions.from_json(text)
    access_log.set_up(verbose=options.verbose)

    async def serve() -> None:
        await Server(options).run(_line_on_stdin())

    asyncio.run(serve())
    return 0


async def _line_on_stdin() -> None:
    """Returns when a line was written; never if the pipe was closed without one, for then SIGTERM is on its way."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    if not await reader.readline():
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(run(_serve))
