"""Routes for those who run it."""

import re

import httpx
import pytest

from tests.service import Service


@pytest.fixture
def anybody(service: Service) -> httpx.Client:
    return service.client()


def test_the_process_is_up(anybody: httpx.Client) -> None:
    assert anybody.get("/healthz").json() == {"status": "up"}


def test_each_part_is_asked(anybody: httpx.Client) -> None:
    assert anybody.get("/readyz").json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "queue": "ok",
        "workers": "ok",
    }


def test_requests_are_counted_by_route_and_not_by_path(anybody: httpx.Client) -> None:
    anybody.get("/v1/series/some-name-or-other")
    anybody.get("/no/such/path")
    text = anybody.get("/metrics").text
    labels = 'method="GET",route="/v1/series/{series_name}",status="401"'
    counted = re.escape(f"tocsin_http_requests_total{{{labels}}} ")
    assert re.search(counted + "[1-9]", text)
    assert "some-name-or-other" not in text
    assert "/no/such/path" not in text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_load_nothing_from_elsewhere(anybody: httpx.Client, path: str) -> None:
    page = anybody.get(path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    assert "<script" not in page.text
