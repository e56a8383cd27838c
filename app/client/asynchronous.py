"""The client that lets others go on meanwhile."""

import time
from collections.abc import AsyncIterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from app.client import transport
from app.client.base import Client
from app.client.bodies import Body
from app.client.reading import R
from app.client.requests import Answer, Listing, Page, Request, Unanswered
from app.client.retries import Flow, Pause, Step, Work

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class AsyncTocsin(Client):
    __doc__ = f"{Client.__doc__}\n    Tasks of one event loop of asyncio may share it.\n    "

    def _open(self, settings: dict[str, Any]) -> None:
        import httpx

        self._http = httpx.AsyncClient(**settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Do what the flow says, step by step; what it comes to."""
        outcome = None
        with closing(flow):
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration as end:
                    result: T = end.value
                    return result
                outcome = await self._do(step)

    def rows(self, listing: Listing[R]) -> "AsyncRows[R]":
        """The list, of which nothing is asked for yet."""
        return AsyncRows(self, listing)

    async def _do(self, step: Step) -> Any:
        import asyncio

        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        if isinstance(step, Work):
            return await asyncio.to_thread(step.do)
        return await self._sent(step.request)

    async def _sent(self, request: Request[Any]) -> Answer | Unanswered:
        import httpx

        began = time.monotonic()
        described = transport.described(self._configured, request)
        if request.body:
            described["content"] = _chunks(request.body)
        try:
            response = await self._http.request(**described)
        except httpx.RequestError as error:
            return transport.unanswered(self._configured, error, time.monotonic() - began)
        return transport.answer(response, time.monotonic() - began)


async def _chunks(body: Body) -> AsyncIterator[bytes]:
    """Read beside the loop."""
    import asyncio

    chunks = body.chunks()
    while chunk := await asyncio.to_thread(next, chunks, None):
        yield chunk


class AsyncRows(Generic[R]):
    """A list, read page by page as far as somebody goes through it, and each time anew."""

    def __init__(self, client: AsyncTocsin, listing: Listing[R]) -> None:
        self._client, self._listing = client, listing

    async def __aiter__(self) -> AsyncIterator[R]:
        async for page in self._pages():
            for row in page.rows:
                yield row

    async def _pages(self) -> AsyncIterator[Page[R]]:
        request: Request[Page[R]] | None = self._listing.first()
        while request is not None:
            page = await self._client.run(self._client.ask(request))
            yield page
            request = page.following

    async def frame(self) -> "pd.DataFrame":
        """All of it; history by its times."""
        import asyncio

        from app.client import frames

        raws = [raw async for page in self._pages() for raw in page.raws]
        return await asyncio.to_thread(frames.table, self._listing.kind, raws)
