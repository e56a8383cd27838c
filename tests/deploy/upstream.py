"""A small server behind the proxy, which remembers each request from its headers on."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Arrived:
    """`connection` tells apart the ones it came by; `body` is there once `is_whole` is set."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    connection: tuple[str, int]
    body: bytes = b""
    is_whole: threading.Event = field(default_factory=threading.Event)

    def header(self, name: str) -> list[str]:
        return [text for each, text in self.headers if each.lower() == name.lower()]


class Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived: list[Arrived] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.arrived]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def _answer(self) -> None:
        came = Arrived(self.command, self.path, self.headers.items(), self.client_address)
        self.server.arrived.append(came)
        came.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        came.is_whole.set()
        self.send_response(503 if self.path == "/down" else 200)
        self.send_header("X-Request-Id", self.headers.get("X-Request-Id", ""))
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"ours")

    do_GET = do_POST = _answer  # noqa: N815 - names that the base class asks for

    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""
