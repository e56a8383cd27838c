"""Debian's Chromium, and a tenant with something to look at."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.api.histories import QUICK, at, csv
from tests.console.browser import LONG_MS, Viewer
from tests.service import Service, Tenant

CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=LONG_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        # As root, as in containers, Chromium runs without its sandbox or not at all.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def viewer(browser: Browser, service: Service) -> Iterator[Viewer]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin"
    )
    viewer = Viewer(context.new_page(), service.url)
    yield viewer
    context.close()
    assert viewer.wrong == []


@pytest.fixture
def watched(tenant: Tenant) -> Tenant:
    """A trained series `rides`, and an event that goes on."""
    tenant.make_series("rides", detector=QUICK, description="<img src=x onerror=alert(1)>")
    tenant.upload("rides", csv(1000))
    tenant.train("rides")
    for hour in (1000, 1001):
        point = {"timestamp": at(hour), "value": 9000.0 * hour}
        assert tenant.http.post("/v1/series/rides/score", json=point).is_success
    return tenant


@pytest.fixture
def looking(viewer: Viewer, watched: Tenant) -> Viewer:
    """Signed in as that tenant."""
    viewer.sign_in(watched.key)
    return viewer
