"""Routes for those who run it."""

import re

import httpx
import pytest

from tests.service import Service, wait_until


@pytest.fixture
def anybody(service: Service) -> httpx.Client:
    return service.client()


def test_the_process_is_up(anybody: httpx.Client) -> None:
    assert anybody.get("/healthz").json() == {"status": "up"}


def test_each_part_is_asked(anybody: httpx.Client) -> None:
    def told() -> str:
        return str(anybody.get("/readyz").json()["workers"])

    wait_until(lambda: told() != "starting", "the worker has started")
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


def test_methods_that_clients_make_up_are_counted_as_one(anybody: httpx.Client) -> None:
    for method in ("FOO1", "FOO2", "LOCK"):
        assert anybody.request(method, "/v1/me").status_code == 405
    text = anybody.get("/metrics").text
    labels = 'method="other",route="/v1/me",status="405"'
    assert re.search(re.escape(f"tocsin_http_requests_total{{{labels}}} ") + "[3-9]", text)
    assert not re.search("FOO[12]|LOCK", text)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_load_nothing_from_elsewhere(anybody: httpx.Client, path: str) -> None:
    page = anybody.get(path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    assert not re.search(r"<script(?![^>]* src=\"/assets/)|<style| style=| on[a-z]+=", page.text)
