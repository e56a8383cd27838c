"""Where an answer is lost on its way, the command asks again, and nothing is made twice."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.cli.client import opened
from tests.service import Service, Tenant


class Losing(BaseHTTPRequestHandler):
    """Passes requests on, and loses the first answer."""

    service_url = ""
    keys: list[str | None] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: self.headers[name] for name in self.headers if name != "Host"}
        answer = httpx.post(self.service_url + self.path, content=body, headers=headers)
        self.keys.append(self.headers["Idempotency-Key"])
        if len(self.keys) == 1:
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def losing(service: Service) -> Iterator[str]:
    Losing.service_url, Losing.keys = service.url, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Losing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_made_without_an_answer_is_not_made_again(losing: str, tenant: Tenant) -> None:
    with opened(losing, tenant.key) as client:
        made = client.ask("POST", "/v1/series", json={"name": "once"})
    assert made["name"] == "once"
    assert len(Losing.keys) == 2
    assert len(set(Losing.keys)) == 1
    assert None not in Losing.keys


def test_each_request_has_a_key_of_its_own(losing: str, tenant: Tenant) -> None:
    with opened(losing, tenant.key) as client:
        for name in ("one", "two"):
            client.ask("POST", "/v1/series", json={"name": name})
    assert len(Losing.keys) == 3
    assert len(set(Losing.keys)) == 2
