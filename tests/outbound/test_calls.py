"""A call costs what it may cost, whatever the receiver does."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from app.outbound import addresses, calls
from app.outbound.calls import ANSWER_BYTES, Outcome
from tests.receiver import Receiver, answer, receiving
from tests.service import free_port

HERE = [ip_network("127.0.0.1/32")]
BODY = b'{"type":"event.opened"}'
HEADERS = {"content-type": "application/json", "webhook-id": "msg_1"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def call(url: str, **how: Any) -> Outcome:
    given = {"tls": ssl.create_default_context(), "networks": HERE, **how}
    return calls.post(url, HEADERS, BODY, **given)


def test_body_and_headers_come_as_they_are(receiver: Receiver) -> None:
    receiver.behave = answer(202, b"taken")
    outcome = call(receiver.url("/hook?of=mine"))
    assert (outcome.status, outcome.answer, outcome.error) == (202, "taken", None)
    assert outcome.is_success
    (came,) = receiver.calls
    assert (came.path, came.body, came.id) == ("/hook?of=mine", BODY, "msg_1")
    assert came.headers["Host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [199, 300, 400, 404, 410, 429, 500, 503])
def test_all_but_2xx_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.behave = answer(status)
    assert not call(receiver.url()).is_success


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as other:
        receiver.behave = answer(status, Location=other.url())
        outcome = call(receiver.url())
        assert outcome.status == status
        assert outcome.error is not None
        assert "redirects" in outcome.error
        assert other.calls == []


def test_a_receiver_that_hangs_is_left_at_the_deadline(receiver: Receiver) -> None:
    receiver.behave = receiver.hang
    outcome = call(receiver.url(), deadline_s=0.3)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.3 s")
    assert receiver.calls
    assert not receiver.let_go.is_set(), "it was not waited for"


def test_one_that_answers_a_byte_at_a_time_is_left_at_the_deadline_too(receiver: Receiver) -> None:
    receiver.behave = receiver.drip
    outcome = call(receiver.url(), deadline_s=0.5)
    assert (outcome.status, outcome.error) == (None, "no answer within 0.5 s")


def test_an_answer_whose_body_does_not_end_was_one(receiver: Receiver) -> None:
    def behave(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nso far")
        receiver.let_go.wait(60)

    receiver.behave = behave
    outcome = call(receiver.url(), deadline_s=0.5)
    assert outcome.is_success
    assert outcome.answer == "so far"


def test_no_more_of_an_answer_is_read_than_is_shown(receiver: Receiver) -> None:
    sent = list[int]()

    def behave(request: Any) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while len(sent) < 10_000:  # 10 MB, unless the caller hangs up
            request.wfile.write(b"x" * 1_000)
            sent.append(1)

    receiver.behave = behave
    outcome = call(receiver.url())
    assert outcome.answer == "x" * ANSWER_BYTES
    assert len(sent) < 10_000


def test_an_answer_is_text_that_can_be_stored_and_shown(receiver: Receiver) -> None:
    receiver.behave = answer(200, b"a\0b\x1b[31m\xff\n")
    assert call(receiver.url()).answer == "a�b�[31m�\n"


@pytest.mark.parametrize(
    ("given", "heeded_s"),
    [
        ("120", 120),
        ("9999999", 86_400),
        ("-5", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("x", 0),
        ("9" * 5_000, 0),
    ],
)
def test_retry_after_is_told(receiver: Receiver, given: str, heeded_s: int) -> None:
    receiver.behave = answer(503, Retry_After=given)
    assert call(receiver.url()).retry_after_s == heeded_s


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6]
)
def test_what_is_no_http_is_an_error_in_words(receiver: Receiver, said: bytes) -> None:
    def behave(request: Any) -> None:
        request.wfile.write(said)

    receiver.behave = behave
    outcome = call(receiver.url())
    assert outcome.status is None
    assert outcome.error


def test_nobody_there_is_an_error_in_words() -> None:
    outcome = call(f"http://127.0.0.1:{free_port()}/")
    assert outcome.error is not None
    assert "refused" in outcome.error


def test_a_name_that_leads_inwards_is_refused_when_it_is_called(receiver: Receiver) -> None:
    """Not when it is stored: a name may lead elsewhere by then."""
    url = receiver.url(host="localhost").replace("http:", "https:")
    addresses.checked(url, ())
    outcome = call(url, networks=())
    assert outcome.error == "the name leads to no address that may be called"
    assert receiver.calls == []


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes what it leads to between the look and the call (DNS rebinding)."""
    name, asked, really = "rebinding.example", list[str](), socket.getaddrinfo

    def look_up(host: str, *given: Any, **named: Any) -> list[Any]:
        if host != name:  # the address itself
            return really(host, *given, **named)
        asked.append(host)
        return really("127.0.0.1" if len(asked) == 1 else "127.0.0.9", *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        outcome = call(receiver.url(host=name))
    assert outcome.is_success
    assert asked == [name], "it was looked up once"
    assert receiver.calls[0].headers["Host"] == f"rebinding.example:{receiver.port}"


def test_proxies_of_the_environment_are_passed_by(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url(""))
        assert call(receiver.url()).is_success
        assert proxy.calls == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the name localhost, with its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    made.write_text("".join((folder / f"{n}.pem").read_text() for n in ("key", "certificate")))
    return made


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(context) as made:
        yield made


def test_https_is_spoken_to_the_name_at_the_address(
    encrypted: Receiver, trusting: ssl.SSLContext
) -> None:
    assert call(encrypted.url(host="localhost"), tls=trusting).is_success


def test_a_certificate_of_another_name_is_refused(
    encrypted: Receiver, trusting: ssl.SSLContext
) -> None:
    outcome = call(encrypted.url(host="127.0.0.1"), tls=trusting)
    assert outcome.error is not None
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.error
    assert encrypted.calls == []


def test_a_certificate_that_nobody_knows_is_refused(encrypted: Receiver) -> None:
    outcome = call(encrypted.url(host="localhost"))
    assert outcome.error is not None
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.error


def test_a_handshake_that_hangs_is_left_at_the_deadline(receiver: Receiver) -> None:
    """It speaks no TLS, and waits for a request that does not come."""
    url = receiver.url(host="localhost").replace("http:", "https:")
    outcome = call(url, deadline_s=0.3)
    assert outcome.status is None
    assert not receiver.let_go.is_set(), "it was not waited for"
