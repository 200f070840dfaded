"""The API server before a fake Triton, running in a thread, so that tests can use the stock synchronous clients."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from pipelines.server.app import Server
from pipelines.server.options import ServerOptions
from tests.counting.fake_triton import FakeTriton
from tests.counting.repository import model_config

Result = TypeVar("Result")


class RunningServer:
    """Use as a context manager; `address` is where to call, `triton` what it talks to."""

    def __init__(self, options: ServerOptions | None = None, *, configs: list[Any] | None = None) -> None:
        self.options = replace(options or ServerOptions(), riva_uri="127.0.0.1:0", grace_period=2.0)
        if configs is None:
            configs = [model_config("count-online", "online"), model_config("count-offline", "offline")]
        self.triton = FakeTriton(configs)
        self.server: Server
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs something where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def settle(self) -> None:
        """Waits until the lines of all calls that were answered are in the log: they are written after the answers."""
        self.do(asyncio.sleep(0))

    def __enter__(self) -> "RunningServer":
        self._thread.start()
        try:
            self.do(self._start())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _start(self) -> None:
        options = replace(self.options, triton_uri=await self.triton.start())
        self.server = Server(options)
        self.address = await self.server.start()

    async def _stop(self) -> None:
        await self.server.stop()
        await self.triton.stop()
