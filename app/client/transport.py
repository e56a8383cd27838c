"""Requests and answers as httpx has them; what both clients share of sending."""

from typing import TYPE_CHECKING, Any

from app.client.configuration import Configuration
from app.client.requests import Answer, Request, Unanswered

if TYPE_CHECKING:
    import httpx


def settings(configured: Configuration) -> dict[str, Any]:
    """Of an httpx client."""
    import httpx

    from app import __version__

    headers = {"User-Agent": f"tocsin/{__version__}", "Accept": "application/json"}
    if configured.api_key:
        headers["Authorization"] = f"Bearer {configured.api_key}"
    return {
        "base_url": configured.url,
        "headers": headers,
        "limits": httpx.Limits(max_connections=configured.connections),
        # A proxy of the environment cannot know what this host calls itself.
        "trust_env": not configured.is_on_this_host,
        "verify": configured.ssl_context or True,
    }


def described(configured: Configuration, request: Request[Any]) -> dict[str, Any]:
    """Of one try, without the body that is streamed."""
    import httpx

    timeout_s = configured.upload_timeout_s if request.body else configured.timeout_s
    return {
        "method": request.method,
        "url": request.path,
        "params": request.params,
        "json": request.json,
        "headers": dict(request.headers),
        "timeout": httpx.Timeout(timeout_s, connect=configured.connect_timeout_s),
    }


def answer(response: "httpx.Response", took_s: float) -> Answer:
    return Answer(
        str(response.url), response.status_code, response.headers, response.content, took_s
    )


def unanswered(configured: Configuration, error: "httpx.RequestError", took_s: float) -> Unanswered:
    import httpx

    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        raise ValueError(f"This cannot be sent: {error}") from error
    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    reason = f"{configured.url} does not answer ({str(error) or type(error).__name__})"
    return Unanswered(reason, not isinstance(error, unsent), took_s, _is_of_certificate(error))


def _is_of_certificate(error: BaseException | None) -> bool:
    from ssl import SSLCertVerificationError

    while error is not None and not isinstance(error, SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
