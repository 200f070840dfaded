"""A registry on loopback, Debian's `docker-registry`, with or without login, and a line to it that breaks."""

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.tied_process import tied_to_this_process

__all__ = ["KEY", "Line", "registry"]

KEY = "nvapi-0123456789"
# bcrypt of KEY, as `htpasswd -nbB` writes it; the user is NGC's.
_PASSWORDS = "$oauthtoken:$2b$04$IZkcah1DL9rHhE0fPN9zVORXLbqcbI6XXn1Ps1CBAYeq6WQcfXnQS\n"
_CONFIGURATION = """\
version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}
http: {{addr: "127.0.0.1:0"}}
{auth}
"""
_AUTH = "auth: {{htpasswd: {{realm: test, path: {folder}/passwords}}}}"


@contextmanager
def registry(folder: Path, *, login: bool = False) -> Iterator[int]:
    """Runs a registry that keeps its images in a folder; yields its port."""
    (folder / "passwords").write_text(_PASSWORDS)
    configuration = folder / f"configuration-{login}.yaml"
    configuration.write_text(_CONFIGURATION.format(folder=folder, auth=_AUTH.format(folder=folder) if login else ""))
    with subprocess.Popen(
        tied_to_this_process([Path("/usr/bin/docker-registry"), "serve", configuration]),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if listening := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                    threading.Thread(target=process.stderr.read, daemon=True).start()
                    yield int(listening[1])
                    return
            raise AssertionError("the registry ended before it listened")
        finally:
            process.terminate()


class Line:
    """A TCP line to a port of this machine that breaks when it has carried so many bytes, and may mend."""

    def __init__(self, port: int, *, breaks_after: int, mends: bool) -> None:
        self._port, self._left, self._mends = port, breaks_after, mends
        self.breaks = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Takes no more calls."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            with suppress(OSError):
                while piece := server.recv(4096):
                    self._left -= len(piece)
                    if self._left < 0 and not (self._mends and self.breaks):
                        self.breaks += 1
                        client.shutdown(socket.SHUT_RDWR)  # closing alone waits for who still reads from it
                        return
                    client.sendall(piece)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(4096):
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)
