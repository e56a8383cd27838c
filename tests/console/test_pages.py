"""The plain pages: they say where one is, and need no script."""

from app.web.routes import DECLARED
from tests.service import Service


def test_the_start_page_names_this_service_s_own_address(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"{service.url}/v1/series" in answer.text


def test_an_address_cannot_bring_markup_into_the_page(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/", headers={"Host": "<script>alert(1)</script>"})
    assert "<script>" not in answer.text


def test_the_page_of_routes_lists_every_route(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/docs")
    assert all(f"<code>{route.path}</code>" in answer.text for route in DECLARED)
    assert "script" not in answer.text.lower().replace("description", "")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
