"""A few large bodies at a time are in the memory of a process, however many threads it has."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.errors import Unavailable
from app.web import large
from app.web.framework import falcon

LARGE = {"CONTENT_LENGTH": str(large.LARGE_BYTES + 1)}
PACKED = {"CONTENT_LENGTH": "100", "HTTP_CONTENT_ENCODING": "gzip"}
SMALL = {"CONTENT_LENGTH": str(large.LARGE_BYTES)}


def asked(headers: dict[str, str]) -> Any:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": None, "wsgi.errors": None}
    request = falcon.Request({**environ, **headers})
    request.context.has_place = False
    return request


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """As many requests as there are places, each with one."""
    monkeypatch.setattr(large, "PATIENCE_S", 0.01)
    requests = [asked(LARGE) for _ in range(large.AT_ONCE)]
    for request in requests:
        large.take_place(request)
    yield requests
    for request in requests:
        large.leave_place(request)


@pytest.mark.parametrize("headers", [LARGE, PACKED])
def test_where_all_places_are_taken_a_large_body_is_not_read(
    holding: list[Any], headers: dict[str, str]
) -> None:
    with pytest.raises(Unavailable):
        large.take_place(asked(headers))


def test_a_small_body_needs_no_place(holding: list[Any]) -> None:
    request = asked(SMALL)
    large.take_place(request)
    assert not request.context.has_place


def test_a_request_takes_one_place_however_often_its_body_is_asked_for(holding: list[Any]) -> None:
    large.leave_place(holding.pop())
    another = asked(LARGE)
    for _ in range(2):
        large.take_place(another)
    holding.append(another)


def test_a_place_is_left_once_however_often_the_request_ends(holding: list[Any]) -> None:
    for _ in range(2):
        large.leave_place(holding[0])
    another = asked(LARGE)
    large.take_place(another)
    with pytest.raises(Unavailable):
        large.take_place(asked(LARGE))
    large.leave_place(another)
