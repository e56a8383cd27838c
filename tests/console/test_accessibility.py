"""For who does not see it well, or holds a phone: axe finds nothing serious, nothing sticks out."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.console.browser import Viewer
from tests.service import Service, Tenant

SERIOUS = {"serious", "critical"}
PATHS = ["/", "/series/rides", "/events", "/upload"]


def serious(viewer: Viewer) -> list[Any]:
    found = Axe().run(viewer.page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Browser, watched: Tenant, service: Service, scheme: Any
) -> None:
    # axe is a script that the page's own policy would keep out.
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    viewer = Viewer(context.new_page(), service.url)
    viewer.page.goto(viewer.url)
    viewer.page.get_by_label("API key").wait_for()
    assert serious(viewer) == []
    viewer.sign_in(watched.key)
    for path in PATHS:
        viewer.open(path)
        viewer.page.locator("h1").first.wait_for()
        if path.startswith("/series"):
            viewer.chart()
            viewer.page.get_by_text("Settings", exact=True).click()
        assert serious(viewer) == [], path
    context.clear_cookies()
    viewer.sign_in(service.operator_key)
    viewer.page.locator("dl.facts").wait_for()
    assert serious(viewer) == []
    context.close()


def test_nothing_sticks_out_on_a_phone(browser: Browser, watched: Tenant, service: Service) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    viewer = Viewer(context.new_page(), service.url)
    viewer.sign_in(watched.key)
    for path in PATHS:
        viewer.open(path)
        viewer.page.locator("h1").first.wait_for()
        if path.startswith("/series"):
            viewer.chart()
        viewer.keep(f"phone-{path.strip('/').replace('/', '-') or 'overview'}")
        wide = viewer.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
    context.close()


def test_the_keyboard_reaches_the_content_first(looking: Viewer) -> None:
    looking.open("/")
    looking.page.locator(".card").wait_for()
    looking.page.keyboard.press("Tab")
    assert looking.page.evaluate("document.activeElement.textContent") == "To the content"
