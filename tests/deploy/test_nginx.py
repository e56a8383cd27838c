"""The proxy with the deployed files; ports, paths and the server's address are this machine's."""

import gzip
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import errors
from app.web.problems import MEDIA_TYPE, STATUS
from tests.deploy.upstream import Upstream
from tests.service import free_port, wait_until

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DEPLOYED = Path(__file__).parents[2] / "deploy/nginx"
LIMIT_BYTES = 200_000
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusted, and quicker made than the usual many

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


@dataclass
class Proxy:
    folder: Path
    upstream: Upstream
    http_port: int
    https_port: int
    http: httpx.Client

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.http_port), timeout=30)

    def answers(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.http_port)) == 0


def laid_out(folder: Path, upstream: Upstream) -> Proxy:
    """The deployed files with each place of the container replaced by one below the folder."""
    port = free_port()
    http = httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=NOBODY, timeout=30)
    proxy = Proxy(folder, upstream, port, free_port(), http)
    for name in ("tocsin", "run", "cache", "tls"):
        (folder / name).mkdir()
    here = {
        "/etc/nginx/tocsin": f"{folder}/tocsin",
        "/run/nginx": f"{folder}/run",
        "/var/cache/nginx": f"{folder}/cache",
        "/run/tls": f"{folder}/tls",
        # A container asks Docker's name server, which is not here.
        "resolver 127.0.0.11 valid=5s ipv6=off;": "",
        "server:8080 resolve": f"127.0.0.1:{upstream.server_port}",
        "listen 8080": f"listen 127.0.0.1:{proxy.http_port}",
        "listen 8443": f"listen 127.0.0.1:{proxy.https_port}",
        "listen 127.0.0.1:8081": f"listen 127.0.0.1:{free_port()}",
        "worker_processes 2": "worker_processes 1",  # so that what came first is looked at first
    }
    for file in DEPLOYED.iterdir():
        text = file.read_text()
        for there, replaced in here.items():
            text = text.replace(there, replaced)
        (folder / "tocsin" / file.name).write_text(text)
    return proxy


def start(proxy: Proxy, tls: str, limit: str = str(LIMIT_BYTES)) -> subprocess.Popen[str]:
    """By the container's own script; root's children would not get into the tests' folder."""
    as_root = ["-g", "user root;"] if os.geteuid() == 0 else []
    return subprocess.Popen(
        ["sh", str(proxy.folder / "tocsin/start.sh"), *as_root],
        env={
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "TOCSIN_TLS": tls,
            "TOCSIN_UPLOAD_BYTES": limit,
        },
        stdout=(proxy.folder / "access.log").open("w"),
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Proxy]]:
    """Starts the proxy, with TLS or without, once for the module."""
    processes = []

    def started(tls: str) -> Proxy:
        proxy = laid_out(tmp_path_factory.mktemp(f"nginx-{tls}"), Upstream())
        if tls == "on":
            make_certificate(proxy.folder / "tls")
        process = start(proxy, tls)
        processes.append(process)
        wait_until(lambda: proxy.answers() or process.poll() is not None, "nginx listens")
        assert process.poll() is None, process.communicate()[1]
        return proxy

    yield started
    for process in processes:
        process.terminate()
        process.communicate(timeout=30)


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def plain(running: Callable[[str], Proxy]) -> Proxy:
    return running("off")


@pytest.fixture(scope="module")
def with_tls(running: Callable[[str], Proxy]) -> Proxy:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: there is nothing to make a certificate with")
    return running("on")


@pytest.fixture
def proxy(plain: Proxy) -> Proxy:
    plain.upstream.arrived.clear()
    return plain


def test_a_body_reaches_the_server_only_when_it_is_whole(proxy: Proxy) -> None:
    half = b"x" * 60_000
    head = f"POST /slow HTTP/1.1\r\nHost: tocsin\r\nContent-Length: {2 * len(half)}\r\n\r\n"
    with closing(proxy.connect()) as sender:
        sender.sendall(head.encode() + half)
        for number in range(3):  # came later than the half, and are through
            assert proxy.http.get(f"/quick/{number}").status_code == 200
        assert "/slow" not in proxy.upstream.paths
        sender.sendall(half)
        assert sender.recv(1000).startswith(b"HTTP/1.1 200")
    assert proxy.upstream.arrived[-1].path == "/slow"
    assert proxy.upstream.arrived[-1].body == 2 * half


def test_a_body_without_a_length_has_one_when_it_arrives(proxy: Proxy) -> None:
    assert proxy.http.post("/", content=iter([b"one", b"two"])).status_code == 200
    assert proxy.upstream.arrived[0].header("Content-Length") == ["6"]
    assert proxy.upstream.arrived[0].body == b"onetwo"


def assert_problem(answer: httpx.Response, expected: type[errors.TocsinError]) -> dict[str, Any]:
    assert answer.status_code == STATUS[expected]
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"urn:tocsin:problem:{expected.code}"
    assert (told["code"], told["title"]) == (expected.code, expected.title)
    assert told["status"] == answer.status_code
    assert told["request_id"] == answer.headers["X-Request-Id"]
    return told


@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_over_the_limit_is_refused_as_a_problem_that_names_it(
    proxy: Proxy, has_length: bool
) -> None:
    body = b"x" * (LIMIT_BYTES + 1)
    answer = proxy.http.post(
        "/",
        content=body if has_length else iter([body]),
        headers={"X-Request-Id": "too-large-1"},
    )
    told = assert_problem(answer, errors.TooLarge)
    assert str(LIMIT_BYTES) in told["detail"]
    assert told["request_id"] == "too-large-1"
    assert not proxy.upstream.arrived


def test_a_body_of_just_the_limit_passes(proxy: Proxy) -> None:
    assert proxy.http.post("/", content=b"x" * LIMIT_BYTES).status_code == 200
    assert len(proxy.upstream.arrived[0].body) == LIMIT_BYTES


def test_a_packed_body_passes_as_it_came(proxy: Proxy) -> None:
    packed = gzip.compress(b"timestamp,value\n" * 100)
    proxy.http.post("/", content=packed, headers={"Content-Encoding": "gzip"})
    assert proxy.upstream.arrived[0].header("Content-Encoding") == ["gzip"]
    assert proxy.upstream.arrived[0].body == packed


def test_a_header_with_underscores_does_not_arrive(proxy: Proxy) -> None:
    proxy.http.get("/", headers={"X_API_Key": "forged", "X-API-Key": "given"})
    assert not proxy.upstream.arrived[0].header("X_API_Key")
    assert proxy.upstream.arrived[0].header("X-API-Key") == ["given"]


def test_the_client_s_request_id_passes(proxy: Proxy) -> None:
    answer = proxy.http.get("/", headers={"X-Request-Id": "Mine-1.2_3"})
    assert proxy.upstream.arrived[0].header("X-Request-Id") == ["Mine-1.2_3"]
    assert answer.headers.get_list("X-Request-Id") == ["Mine-1.2_3"]


@pytest.mark.parametrize("given", [None, 'a"b', "x" * 65, "two words"])
def test_a_request_id_that_the_server_would_not_take_is_replaced(
    proxy: Proxy, given: str | None
) -> None:
    proxy.http.get("/", headers={"X-Request-Id": given} if given else {})
    (made,) = proxy.upstream.arrived[0].header("X-Request-Id")
    assert made != given
    assert len(made) == 32


def test_the_server_hears_who_asked_and_not_what_the_client_says_of_that(proxy: Proxy) -> None:
    said = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6"}
    proxy.http.get("/", headers=said)
    arrived = proxy.upstream.arrived[0]
    assert arrived.header("X-Forwarded-For") == ["127.0.0.1"]
    assert arrived.header("X-Forwarded-Proto") == ["http"]
    assert not arrived.header("Forwarded")
    assert arrived.header("Host") == [f"127.0.0.1:{proxy.http_port}"]


def test_connections_to_the_server_are_kept(proxy: Proxy) -> None:
    for _ in range(3):
        proxy.http.get("/")
    assert len({each.connection for each in proxy.upstream.arrived}) == 1


def test_errors_of_the_server_pass_untouched(proxy: Proxy) -> None:
    answer = proxy.http.get("/down")
    assert (answer.status_code, answer.text) == (503, "ours")


def test_what_nginx_itself_refuses_is_a_problem_too(proxy: Proxy) -> None:
    assert_problem(proxy.http.request("TRACE", "/"), errors.MethodNotAllowed)
    assert_problem(proxy.http.get(f"/{'x' * 20_000}"), errors.Malformed)
    assert_problem(proxy.http.get("/", headers={"X-Long": "x" * 20_000}), errors.Malformed)
    assert not proxy.upstream.arrived


def test_a_request_that_is_none_gets_a_problem(proxy: Proxy) -> None:
    with closing(proxy.connect()) as sender:
        sender.sendall(b"nonsense\r\n\r\n")
        answer = b"".join(iter(lambda: sender.recv(10_000), b""))
    assert b"urn:tocsin:problem:malformed" in answer


def test_the_pages_of_problems_cannot_be_asked_for(proxy: Proxy) -> None:
    assert proxy.http.get("/.problem/too_large").status_code == 404


def test_the_log_has_neither_keys_nor_queries(proxy: Proxy) -> None:
    proxy.http.get("/logged?q=tcs_query", headers={"X-API-Key": "tcs_header"})
    log = proxy.folder / "access.log"
    wait_until(lambda: "/logged" in log.read_text(), "the request is logged")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert next(line for line in lines if line["path"] == "/logged")["status"] == 200
    assert "tcs_" not in log.read_text()


def test_a_server_that_is_away_is_a_problem_with_a_time_to_try_again(
    running: Callable[[str], Proxy],
) -> None:
    proxy = running("off")
    proxy.upstream.shutdown()
    proxy.upstream.server_close()
    answer = proxy.http.get("/")
    assert_problem(answer, errors.Unavailable)
    assert answer.headers["Retry-After"] == "1"


def test_with_tls_plain_http_only_leads_there(with_tls: Proxy) -> None:
    answer = with_tls.http.post("/v1/series?a=b", content=b"{}")
    assert (answer.status_code, answer.headers["Location"]) == (
        308,
        "https://127.0.0.1/v1/series?a=b",
    )
    assert not with_tls.upstream.arrived


def test_with_tls_the_server_hears_of_it_and_clients_are_to_stay(with_tls: Proxy) -> None:
    trusted = ssl.create_default_context(cafile=str(with_tls.folder / "tls/certificate.pem"))
    answer = httpx.get(f"https://127.0.0.1:{with_tls.https_port}/", verify=trusted)
    assert answer.text == "ours"
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert with_tls.upstream.arrived[-1].header("X-Forwarded-Proto") == ["https"]


def test_plain_http_does_not_speak_of_tls(proxy: Proxy) -> None:
    assert "Strict-Transport-Security" not in proxy.http.get("/").headers


@pytest.mark.parametrize(
    ("tls", "limit", "named"),
    [
        ("on", "50000000", "certificate.pem"),
        ("yes", "50000000", "TOCSIN_TLS"),
        ("off", "50M", "TOCSIN_UPLOAD_BYTES"),
        ("off", "0", "TOCSIN_UPLOAD_BYTES"),
    ],
)
def test_wrong_settings_stop_the_start_and_are_named(
    tmp_path: Path, tls: str, limit: str, named: str
) -> None:
    process = start(laid_out(tmp_path, Upstream()), tls, limit)
    told = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert named in told
