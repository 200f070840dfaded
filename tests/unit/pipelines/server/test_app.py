"""The server as a whole: where it listens."""

import asyncio

import pytest

from pipelines.errors import PortTaken
from pipelines.server.app import Server
from pipelines.server.options import ServerOptions
from tests.counting.fake_triton import FakeTriton
from tests.counting.repository import model_config
from tests.counting.running import RunningServer


def test_two_servers_do_not_share_a_port(running: RunningServer) -> None:
    """Linux would let both listen and hand calls to either; the second says that the port is taken."""
    triton = FakeTriton([model_config("count-online", "online")])

    async def second() -> None:
        uri = await triton.start()
        server = Server(ServerOptions(riva_uri=running.address, triton_uri=uri))
        try:
            with pytest.raises(PortTaken, match="cannot listen on"):
                await server.start()
        finally:
            await server.stop()
            await triton.stop()

    asyncio.run(second())
