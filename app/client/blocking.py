"""The client that waits."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from app.client import transport
from app.client.base import Client
from app.client.reading import R
from app.client.requests import Answer, Listing, Page, Request, Unanswered
from app.client.retries import Flow, Pause, Step, Work

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Tocsin(Client):
    __doc__ = f"{Client.__doc__}\n    Threads may share it.\n    "

    def _open(self, settings: dict[str, Any]) -> None:
        import httpx

        self._http = httpx.Client(**settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Do what the flow says, step by step; what it comes to."""
        outcome = None
        with closing(flow):
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration as end:
                    result: T = end.value
                    return result
                outcome = self._do(step)

    def rows(self, listing: Listing[R]) -> "Rows[R]":
        """The list, of which nothing is asked for yet."""
        return Rows(self, listing)

    def _do(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        return step.do() if isinstance(step, Work) else self._sent(step.request)

    def _sent(self, request: Request[Any]) -> Answer | Unanswered:
        import httpx

        began = time.monotonic()
        described = transport.described(self._configured, request)
        if request.body:
            described["content"] = request.body.chunks()
        try:
            response = self._http.request(**described)
        except httpx.RequestError as error:
            return transport.unanswered(self._configured, error, time.monotonic() - began)
        return transport.answer(response, time.monotonic() - began)


class Rows(Generic[R]):
    """A list, read page by page as far as somebody goes through it, and each time anew."""

    def __init__(self, client: Tocsin, listing: Listing[R]) -> None:
        self._client, self._listing = client, listing

    def __iter__(self) -> Iterator[R]:
        for page in self._pages():
            yield from page.rows

    def _pages(self) -> Iterator[Page[R]]:
        request: Request[Page[R]] | None = self._listing.first()
        while request is not None:
            page = self._client.run(self._client.ask(request))
            yield page
            request = page.following

    def frame(self) -> "pd.DataFrame":
        """All of it; history by its times."""
        from app.client import frames

        raws = (raw for page in self._pages() for raw in page.raws)
        return frames.table(self._listing.kind, raws)
