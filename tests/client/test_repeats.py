"""Where an answer is lost on its way, the client asks again, and nothing is made twice."""

import asyncio
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from app.client import AsyncTocsin, NotReachable, Retries, Tocsin
from tests.service import Service, Tenant, free_port


class Losing(BaseHTTPRequestHandler):
    """Passes requests on, and loses the first answer."""

    service_url = ""
    keys: list[str | None] = []
    bodies: list[bytes] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: self.headers[name] for name in self.headers if name != "Host"}
        url = self.service_url + self.path
        answer = httpx.request(self.command, url, content=body, headers=headers)
        self.keys.append(self.headers["Idempotency-Key"])
        self.bodies.append(body)
        if len(self.keys) == 1:
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def do_DELETE(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def losing(service: Service) -> Iterator[str]:
    Losing.service_url, Losing.keys, Losing.bodies = service.url, [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Losing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_was_made_without_an_answer_is_not_made_again(losing: str, tenant: Tenant) -> None:
    with Tocsin(losing, tenant.key) as client:
        made = client.create_series("once")
    assert made.name == "once"
    assert len(Losing.keys) == 2
    assert len(set(Losing.keys)) == 1
    assert None not in Losing.keys


def test_nor_by_a_client_that_lets_others_go_on(losing: str, tenant: Tenant) -> None:
    async def make() -> str:
        async with AsyncTocsin(losing, tenant.key) as client:
            return (await client.create_series("once")).name

    assert asyncio.run(make()) == "once"
    assert len(Losing.keys) == 2
    assert len(set(Losing.keys)) == 1


def test_each_request_has_a_key_of_its_own(losing: str, tenant: Tenant) -> None:
    with Tocsin(losing, tenant.key) as client:
        for name in ("one", "two"):
            client.create_series(name)
    assert len(Losing.keys) == 3
    assert len(set(Losing.keys)) == 2


def test_what_was_removed_without_an_answer_is_gone(losing: str, tenant: Tenant) -> None:
    tenant.make_series("rides")
    with Tocsin(losing, tenant.key) as client:
        client.delete_series("rides")
    assert len(Losing.keys) == 2
    assert tenant.http.get("/v1/series").json()["data"] == []


class Pipe(io.RawIOBase):
    """Can be read once."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, into: "memoryview | bytearray") -> int:  # type: ignore[override]
        return self._content.readinto(into)


def test_an_upload_from_a_pipe_is_sent_again_from_its_beginning(
    losing: str, tenant: Tenant
) -> None:
    tenant.make_series("rides")
    text = b"timestamp,value\n2024-01-01,1\n2024-01-02,2\n"
    with Tocsin(losing, tenant.key) as client:
        report = client.upload("rides", io.BufferedReader(Pipe(text)))
    assert Losing.bodies == [text, text]
    assert (report.received, report.duplicates) == (2, 2)


def test_where_nobody_listens_the_error_says_so(tenant: Tenant) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    retries = Retries(tries=3, connect_tries=3, first_pause_s=0.001)
    with Tocsin(url, tenant.key, retries=retries) as client, pytest.raises(NotReachable) as error:
        client.get_me()
    assert error.value.detail.startswith(f"{url} does not answer")
    assert "tried 3 times" in error.value.detail


def test_a_tenant_that_asks_too_much_is_slowed_down_and_not_refused(
    service: Service, tenant: Tenant
) -> None:
    with Tocsin(service.url, service.operator_key) as operator:
        operator.update_tenant(tenant.slug, limits={"requests_per_s": 3})
    asked = [tenant.http.get("/v1/me").status_code for _ in range(5)]
    assert 429 in asked
    with Tocsin(service.url, tenant.key) as client:
        assert {client.get_me().key.name for _ in range(4)} == {"first key"}
