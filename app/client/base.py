"""What both clients are made with."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from app.client import configuration, transport
from app.client.catalogue import Catalogue
from app.client.configuration import Configuration
from app.client.requests import Request
from app.client.retries import Flow, Retries, attempts

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")


class Client(Catalogue):
    """A running service. It keeps its connections until it is closed.

    url, api_key: else `TOCSIN_URL` and `TOCSIN_API_KEY` of the environment.
    retries: how often a request is sent again, and how long it may take in all.
    timeout_s: for the next bytes of an answer. An upload is answered when all of it is stored:
        upload_timeout_s.
    connections: at the same time, at most.
    ssl_context: where the service's certificate is of an authority of your own.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        retries: Retries | None = None,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
        upload_timeout_s: float = 600.0,
        connections: int = 20,
        ssl_context: "ssl.SSLContext | None" = None,
    ) -> None:
        self._configured = Configuration(
            configuration.address(url),
            configuration.key(api_key),
            retries or Retries(),
            timeout_s,
            connect_timeout_s,
            upload_timeout_s,
            connections,
            ssl_context,
        )
        self._open(transport.settings(self._configured))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._configured.url!r})"

    @abstractmethod
    def _open(self, settings: dict[str, Any]) -> None: ...

    def ask(self, request: Request[T], /) -> Flow[T]:
        """What the request answers, as a flow to `run`."""
        return attempts(self._configured.retries, request)
