"""A running service, over HTTP."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit
from uuid import uuid4

from app.cli import credentials
from app.cli.failures import NotReachable, ServiceRefused, WrongUsage

if TYPE_CHECKING:
    import httpx

Role = Literal["operator", "tenant"]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 600.0  # an upload of 50 MB is answered when all of it is stored
LARGEST_PAGE = 1000
TRIES_MOST, WAIT_MOST_S = 5, 60.0


class Client:
    """Asks, and turns every answer that is an error into one of ours."""

    def __init__(self, http: "httpx.Client") -> None:
        self._http = http

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """The JSON that was answered, or None where there is none.

        Asked again where the answer was lost or the service says wait: what a POST makes, it makes
        once, since all tries have one idempotency key.
        """
        if method == "POST":
            request["headers"] = {"Idempotency-Key": str(uuid4()), **request.get("headers", {})}
        for tries_left in reversed(range(TRIES_MOST)):
            answer = self._answered(method, path, request, may_fail=tries_left > 0)
            if answer is not None and not (_asks_for_patience(answer) and _may_repeat(request)):
                break
            told = {} if answer is None else answer.headers
            time.sleep(min(float(told.get("Retry-After", 1)), WAIT_MOST_S))
        assert answer is not None
        if answer.is_success:
            return _json(answer) if answer.content else None
        raise ServiceRefused(answer.status_code, _problem(answer))

    def _answered(
        self, method: str, path: str, request: dict[str, Any], may_fail: bool
    ) -> "httpx.Response | None":
        """None where it was sent and the connection broke: nobody knows what was done."""
        import httpx

        try:
            return self._http.request(method, path, **request)
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            if may_fail and method != "DELETE" and _may_repeat(request):
                return None
            raise self._not_reachable(error) from None
        except httpx.TransportError as error:
            raise self._not_reachable(error) from None

    def find(self, path: str) -> Any:
        """The same as `ask("GET", …)`, but None where there is no such thing."""
        try:
            return self.ask("GET", path)
        except ServiceRefused as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, most: int | None = None, **query: Any) -> list[dict[str, Any]]:
        """The first rows of a list, or all of it."""
        return list(islice(self._rows(path, most or LARGEST_PAGE, query), most))

    def _rows(self, path: str, most: int, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        asked = {name: value for name, value in query.items() if value is not None}
        asked["limit"] = min(most, LARGEST_PAGE)
        while True:
            page = self.ask("GET", path, params=asked)
            yield from page["data"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def _not_reachable(self, error: Exception) -> NotReachable:
        reason = str(error) or type(error).__name__
        return NotReachable(
            f"{self._http.base_url} does not answer ({reason}). Start it with `tocsin up`, or set "
            "TOCSIN_URL to where it is."
        )


@contextmanager
def connected(role: Role = "tenant") -> Iterator[Client]:
    """With the address and the key of the environment, else those of `credentials.json`."""
    from app import settings

    configured = settings.read_client()
    known = credentials.read(configured.data_dir)
    url = configured.url or known.url
    if not url:
        raise WrongUsage(
            f"There is no address to talk to: no {configured.data_dir / credentials.FILE}, which "
            "`tocsin up` writes. Set TOCSIN_URL and TOCSIN_API_KEY, or TOCSIN_DATA_DIR."
        )
    if configured.api_key is not None:
        key = configured.api_key.get_secret_value()
    else:
        key = _stored_key(known, url, role)
    with opened(url, key) as client:
        yield client


@contextmanager
def opened(url: str, key: str) -> Iterator[Client]:
    """With this address and key."""
    import httpx

    if not key.isascii() or not key.isprintable():
        raise WrongUsage("The key holds characters that no key has: copy it anew.")
    timeout = httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    # A proxy of the environment cannot know what this host calls itself.
    is_elsewhere = urlsplit(url).hostname not in LOOPBACK
    headers = {"User-Agent": "tocsin", "Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        http = httpx.Client(base_url=url, headers=headers, timeout=timeout, trust_env=is_elsewhere)
    except httpx.InvalidURL as error:
        raise WrongUsage(f"TOCSIN_URL: {url} is no address: {error}") from None
    with http:
        yield Client(http)


def path(*parts: str) -> str:
    """A path of these parts, whatever characters they have."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _stored_key(known: credentials.Credentials, url: str, role: Role) -> str:
    """Never sent to another address than the one that it was stored with."""
    key = known.operator_key if role == "operator" else known.api_key
    if url.rstrip("/") == known.url.rstrip("/") and key:
        return key
    kind = "an operator key (`tocsin keys create --operator`)" if role == "operator" else "a key"
    raise WrongUsage(f"No key is known for {url}: set TOCSIN_API_KEY to {kind}.")


def _asks_for_patience(answer: "httpx.Response") -> bool:
    """Too many requests, or the first try of this one is still under way."""
    return answer.status_code == 429 or (
        answer.status_code == 409 and "Retry-After" in answer.headers
    )


def _may_repeat(request: dict[str, Any]) -> bool:
    """Bytes may be sent again, a stream that was read may not."""
    return isinstance(request.get("content", b""), bytes | str)


def _json(answer: "httpx.Response") -> Any:
    try:
        return answer.json()
    except ValueError as error:
        wrong = f"What {answer.url} answers cannot be read, as if it were not Tocsin: {error}"
        raise ServiceRefused(answer.status_code, {"detail": wrong}) from None


def _problem(answer: "httpx.Response") -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict) and "detail" in problem:
        return problem
    return {"detail": f"{answer.url} answered {answer.status_code} {answer.reason_phrase}"}
