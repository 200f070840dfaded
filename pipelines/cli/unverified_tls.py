"""TLS to a server whose certificate is not looked at, for a gRPC client, whose library refuses that.

The client speaks plain HTTP/2 to a socket in a private folder; what goes through it is put into TLS here.
"""

import asyncio
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["relay"]

_CHUNK = 1 << 16


@contextmanager
def relay(target: str, certificate: tuple[str, str]) -> Iterator[str]:
    """Yields an address without TLS that leads to `target` with TLS.

    Args:
        target: `host:port`.
        certificate: Files of the certificate to show and of its key; empty for none.

    Raises:
        OSError: A file cannot be read, or is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if certificate[0]:
        context.load_cert_chain(*certificate)
    with tempfile.TemporaryDirectory(prefix="probe-") as folder, asyncio.Runner() as runner:
        path = f"{folder}/socket"
        loop = runner.get_loop()
        server = runner.run(_listen(path, target, context))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield f"unix:{path}"
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()  # the runner ends what is still being copied


async def _listen(path: str, target: str, context: ssl.SSLContext) -> asyncio.Server:
    host, _, port = target.rpartition(":")

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
        except OSError:  # nobody there, or no TLS; the client sees its connection closed and tries again
            writer.transport.abort()
            return
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))

    return await asyncio.start_unix_server(connect, path)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(OSError):  # either side may hang up
            while data := await reader.read(_CHUNK):
                writer.write(data)
                await writer.drain()
    finally:
        writer.transport.abort()
