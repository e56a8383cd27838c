# ruff: noqa: ARG002 - the methods of streams and networks are httpcore's
"""One POST to an address that a tenant named: no redirects, a deadline for all of it, and only the
first bytes of the answer.

httpcore itself, below httpx: what is not there need not be turned off (redirects, proxies of the
environment, cookies, inflating). Its timeouts hold for each read alone, so that an answer of a byte
every few seconds would take for ever; here each waits for what is left until the deadline at most.
"""

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpcore

from app.outbound import addresses
from app.outbound.addresses import Networks, NotAllowed

DEADLINE_S = 10.0
CONNECT_S = 4.0  # to one address, so that there is time left for the next
ANSWER_BYTES = 1_000
LONGEST_RETRY_AFTER_S = 86_400
MOST_DIGITS = 9  # Python reads no number of thousands
REDIRECTED = "redirects are not followed: name the address that they lead to"


@dataclass(frozen=True)
class Outcome:
    """What a call came to: a status, or an error in words for the tenant."""

    seconds: float
    status: int | None = None
    error: str | None = None
    answer: str = ""
    retry_after_s: int = 0
    is_taken: bool = False  # of what has no status

    @property
    def is_success(self) -> bool:
        return self.is_taken or (self.status is not None and 200 <= self.status < 300)


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tls: ssl.SSLContext,
    networks: Networks = (),
    deadline_s: float = DEADLINE_S,
) -> Outcome:
    started = time.monotonic()
    told: dict[str, Any] = {}
    try:
        addresses.checked(url, networks)
        told = _answered(url, headers, body, tls, _Guarded(url, networks, started + deadline_s))
    except NotAllowed as error:
        told["error"] = str(error)
    except httpcore.TimeoutException:
        told["error"] = f"no answer within {deadline_s:g} s"
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        told["error"] = _storable(f"{type(error).__name__}: {error}")[:ANSWER_BYTES]
    return Outcome(round(time.monotonic() - started, 3), **told)


def _answered(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    tls: ssl.SSLContext,
    network: "_Guarded",
) -> dict[str, Any]:
    with (
        httpcore.ConnectionPool(ssl_context=tls, network_backend=network) as pool,
        pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
    ):
        return {
            "status": response.status,
            "error": REDIRECTED if 300 <= response.status < 400 else None,
            "retry_after_s": _retry_after_s(response.headers),
            "answer": _first_bytes(response),
        }


def _retry_after_s(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Where it is told in seconds; a date is taken as nothing."""
    given = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    is_number = given.isdigit() and len(given) <= MOST_DIGITS
    return min(int(given), LONGEST_RETRY_AFTER_S) if is_number else 0


def _first_bytes(response: httpcore.Response) -> str:
    """What an answer begins with, as text that can be stored and shown. Where the rest does not
    come it was an answer all the same."""
    found = b""
    try:
        for chunk in response.iter_stream():
            found += chunk
            if len(found) >= ANSWER_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return _storable(found[:ANSWER_BYTES].decode("utf-8", "replace"))


def _storable(text: str) -> str:
    return "".join(each if each.isprintable() or each in "\n\t" else "�" for each in text)


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses that may be called, and until the deadline."""

    def __init__(self, url: str, networks: Networks, deadline: float) -> None:
        self._scheme = url.partition(":")[0].lower()
        self._networks, self._deadline = networks, deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError("no address")
        for address in addresses.looked_up(host, port, self._scheme, self._networks):
            try:
                within_s = min(CONNECT_S, _left(self._deadline))
                return _Bounded(self._plain.connect_tcp(address, port, within_s), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Bounded(httpcore.NetworkStream):
    """Each step waits until the deadline at most; TLS counts a handshake, and a read, as one."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        within_s = _left(self._deadline)
        return _Bounded(
            self._stream.start_tls(ssl_context, server_hostname, within_s), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline is over")
    return left
