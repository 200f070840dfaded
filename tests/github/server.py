"""A GitHub that lives on loopback: the parts of the REST API that this repository uses, with state, and with faults.

    with FakeGitHub() as github:
        github.fail("POST", "/releases", status=500)            # once
        github.drop("POST", "/assets", after=1000)              # the connection, once 1000 bytes of the body are read
        ... something that asks github.api_url ...
        assert set(github.repository.published("v1.0.0").files()) == {...}

Behaves as the documentation says where that matters: drafts are hidden from whoever may not write, an interrupted
upload leaves an asset in state `starter`, a name is taken only once, published releases can be frozen.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.github.state import Repository

TOKEN = "the-token-that-may-write"
_BLOCK = 1 << 16


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        method: Of the request.
        path: A regular expression that is searched in the path.
        status: The answer; None breaks the connection instead.
        after: Bytes of the request's body (of the answer's, for GET) that still pass before the connection breaks.
        headers: Of the answer.
        message: In the answer.
        carried_out: Whether the request takes effect all the same, and only its answer is lost.
        times: How many requests it still applies to.
    """

    method: str
    path: str
    status: int | None = None
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "injected"
    carried_out: bool = False
    times: int = 1


class FakeGitHub:
    """The server; a context manager that listens on a free port of loopback."""

    def __init__(self, *, token: str = TOKEN, public: bool = True) -> None:
        self.repository = Repository("owner/speech")
        self.token, self.public = token, public
        self.requests: list[tuple[str, str]] = []
        self.damage_uploads = 0  # how many of the next uploads are stored with a byte changed, unnoticed
        self._faults: list[Fault] = []
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), _handler(self)) for _ in ("api", "storage")]
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            for server in self._servers
        ]
        self.repository.storage = self._address(1)
        self.lock = threading.Lock()

    @property
    def api_url(self) -> str:
        """What GITHUB_API_URL is set to."""
        return self._address(0)

    def _address(self, number: int) -> str:
        return f"http://127.0.0.1:{self._servers[number].server_address[1]}"

    def is_storage(self, server: object) -> bool:
        """Whether a server is the one that has the contents of assets."""
        return server is self._servers[1]

    def environment(self) -> dict[str, str]:
        """The variables that a workflow would have."""
        return {
            "GITHUB_API_URL": self.api_url,
            "GITHUB_REPOSITORY": self.repository.name,
            "GITHUB_TOKEN": self.token,
        }

    def fail(self, method: str, path: str, *, status: int, **details: Any) -> None:
        """Answers the next matching request, or `times` of them, with an error."""
        self._faults.append(Fault(method, path, status, **details))

    def drop(self, method: str, path: str, *, after: int = 0, **details: Any) -> None:
        """Breaks the connection of the next matching request."""
        self._faults.append(Fault(method, path, None, after, **details))

    def forgive(self) -> None:
        """Forgets the faults that have not come yet."""
        self._faults.clear()

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault for a request, used up by asking."""
        with self.lock:
            for fault in self._faults:
                if fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def count(self, method: str, path: str) -> int:
        """How many requests came whose path matches."""
        return sum(1 for each, where in self.requests if each == method and re.search(path, where))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Broken(Exception):
    """The connection is to break now."""


def _handler(github: FakeGitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the base class
            pass

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query))
            fault = github.fault(self.command, self.path)
            with github.lock:
                github.requests.append((self.command, self.path))
            try:
                body = self._body(parts.path, query, fault)
                status, headers, content = self._decide(parts.path, query, body, fault)
                self._send(status, headers, content, fault)
            except (_Broken, ConnectionError):
                self.close_connection = True

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve

        def _body(self, path: str, query: dict[str, str], fault: Fault | None) -> bytes:
            """The request's body; of a broken upload only a part arrives, of which GitHub keeps a stub."""
            left = int(self.headers.get("Content-Length", 0))
            breaks = fault is not None and fault.status is None and self.command != "GET" and not fault.carried_out
            if breaks and fault is not None:
                left = min(left, fault.after)
            pieces = []
            while left and (piece := self.rfile.read(min(left, _BLOCK))):
                pieces.append(piece)
                left -= len(piece)
            if breaks:
                if match := re.fullmatch(r".*/uploads/(\d+)/assets", path):
                    with github.lock:
                        github.repository.leave_stub(int(match[1]), query["name"])
                raise _Broken
            return b"".join(pieces)

        def _decide(
            self, path: str, query: dict[str, str], body: bytes, fault: Fault | None
        ) -> tuple[int, dict[str, str], bytes]:
            may_write = self._authorised()
            if may_write is None:
                return 401, {}, _json({"message": "Bad credentials"})
            if fault is not None and fault.status is not None and not fault.carried_out:
                return fault.status, fault.headers, _json({"message": fault.message})
            with github.lock:
                if path.startswith("/uploads/") and github.damage_uploads:
                    github.damage_uploads -= 1
                    body = b"!" + body[1:]
                status, headers, content = github.repository.answer(
                    self.command, path, query, body, may_write=may_write, base=github.api_url
                )
            if fault is not None and fault.carried_out:
                if fault.status is None:
                    raise _Broken
                return fault.status, fault.headers, _json({"message": fault.message})
            return status, headers, content if isinstance(content, bytes) else _json(content)

        def _authorised(self) -> bool | None:
            """Whether the request may write; None if its token is wrong. Storage takes links only, and no token."""
            given = self.headers.get("Authorization")
            if github.is_storage(self.server):
                return True if given is None else None
            if given is None:
                return False if github.public else None
            return True if given == f"Bearer {github.token}" else None

        def _send(self, status: int, headers: dict[str, str], content: bytes, fault: Fault | None) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if wanted and status == 200:
                status, content = 206, content[int(wanted[1]) :]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault is not None and fault.status is None:
                self.wfile.write(content[: fault.after])
                self.wfile.flush()
                raise _Broken
            self.wfile.write(content)

    return Handler


def _json(content: Any) -> bytes:
    return b"" if content is None else json.dumps(content).encode()
