"""An OSV on loopback: answers as https://google.github.io/osv.dev/api/ and the OSV schema say, page by page."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ADVISORIES: dict[str, dict[str, Any]] = {
    "GHSA-53q9-r3pm-6pq6": {
        "id": "GHSA-53q9-r3pm-6pq6",
        "aliases": ["CVE-2025-32434", "PYSEC-2025-41"],
        "summary": "torch.load with weights_only=True leads to remote code execution",
        "modified": "2025-05-28T00:00:00Z",
        "database_specific": {"severity": "CRITICAL"},
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "torch"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.6.0"}]}],
            }
        ],
    },
    "PYSEC-2025-41": {
        "id": "PYSEC-2025-41",
        "aliases": ["CVE-2025-32434", "GHSA-53q9-r3pm-6pq6"],
        "details": "The same, as another database tells it.\nAt length.",
        "modified": "2025-05-28T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "torch"}}],
    },
    "GHSA-h75v-3vvj-5mfj": {
        "id": "GHSA-h75v-3vvj-5mfj",
        "aliases": ["CVE-2024-34064"],
        "summary": "Jinja's xmlattr filter lets keys with other characters through",
        "modified": "2024-06-10T00:00:00Z",
        "database_specific": {"severity": "MODERATE"},
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "jinja2"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.1.4"}]}],
            }
        ],
    },
    "GHSA-0000-0000-0000": {"id": "GHSA-0000-0000-0000", "withdrawn": "2025-01-01T00:00:00Z", "modified": "2025-01-01"},
}
NAMED = {
    ("PyPI", "torch", "2.5.1"): ["GHSA-53q9-r3pm-6pq6", "PYSEC-2025-41"],
    ("PyPI", "jinja2", "3.1.0"): ["GHSA-h75v-3vvj-5mfj"],
    ("npm", "yaml", "2.9.1"): ["GHSA-0000-0000-0000"],
}


class FakeOsv:
    """The server; a context manager. One advisory a page, so that clients have to turn it."""

    def __init__(self) -> None:
        self.statuses: list[int] = []  # of the next answers; 200 when used up
        self.text: str | None = None  # what a captive portal says instead
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        results = []
        for query in body["queries"]:
            package = query["package"]
            ids = NAMED.get((package["ecosystem"], package["name"], query["version"]), [])
            page = int(query.get("page_token", 0))
            result: dict[str, Any] = {"vulns": [{"id": each, "modified": "2025"} for each in ids[page : page + 1]]}
            if page + 1 < len(ids):
                result["next_page_token"] = str(page + 1)
            results.append(result if ids else {})
        return {"results": results}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(osv: FakeOsv) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the base class
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            osv.asked.append(self.path)
            status = osv.statuses.pop(0) if osv.statuses else 200
            path = "/" + self.path.partition("://")[2].partition("/")[2] if "://" in self.path else self.path
            if path == "/v1/querybatch":
                content: Any = osv.batch(json.loads(body))
            else:
                content = ADVISORIES[path.rpartition("/")[2]]
            text = osv.text if osv.text is not None else json.dumps(content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _serve

    return Handler
