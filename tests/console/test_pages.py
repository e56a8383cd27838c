"""The pages: they say where one is, and load nothing that is not ours."""

import re

import pytest

from app.console.assets import ASSETS, address
from app.web.routes import DECLARED
from tests.service import Service

PAGES = ["/", "/docs", "/events", "/upload", "/series/absent"]


def test_the_start_page_names_this_service_s_own_address(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"{service.url}/v1/series" in answer.text


def test_an_address_cannot_bring_markup_into_the_page(service: Service) -> None:
    with service.client() as client:
        for path in ("/", "/series/%3Cscript%3Ealert(1)"):
            answer = client.get(path, headers={"Host": "<script>alert(1)</script>"})
            assert answer.headers["Content-Type"].startswith("text/html")
            assert "<script>" not in answer.text


def test_the_page_of_routes_lists_every_route_without_a_script_too(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/docs")
    assert all(f"<code>{route.path}</code>" in answer.text for route in DECLARED)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_inline_is_let_run(service: Service, path: str) -> None:
    with service.client() as client:
        policy = client.get(path).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", PAGES)
def test_all_that_a_page_loads_is_there(service: Service, path: str) -> None:
    with service.client() as client:
        loaded = re.findall(r"(?:src|href)=\"(/assets/[^\"]+)\"", client.get(path).text)
        assert loaded
        for one in loaded:
            assert client.get(one).status_code == 200


@pytest.mark.parametrize("name", ASSETS)
def test_a_file_is_kept_for_good_and_is_packed_for_who_takes_it_so(
    service: Service, name: str
) -> None:
    with service.client() as client:
        packed = client.get(address(name), headers={"Accept-Encoding": "gzip"})
        plain = client.get(address(name), headers={"Accept-Encoding": "identity"})
    assert "immutable" in packed.headers["Cache-Control"]
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content == ASSETS[name].path.read_bytes()


@pytest.mark.parametrize(
    "path", ["/assets/0000000000000000/page.css", f"{address('page.css')}.bak", "/assets/a/../b"]
)
def test_there_is_no_other_file(service: Service, path: str) -> None:
    with service.client() as client:
        assert client.get(path).status_code == 404
