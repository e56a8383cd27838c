"""Signing in and out, and coming back to where one was."""

import pytest
from playwright.sync_api import expect

from tests.console.browser import Viewer
from tests.service import Service, Tenant


def test_a_wrong_key_is_told_and_a_right_one_opens(viewer: Viewer, tenant: Tenant) -> None:
    page = viewer.page
    page.goto(viewer.url)
    page.get_by_label("API key").fill("tcs_mistyped")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The key is not valid")
    viewer.keep("sign-in")
    page.get_by_label("API key").fill(tenant.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    expect(page.locator("#who")).to_contain_text(tenant.slug)
    viewer.keep("empty")


def test_scripts_cannot_read_the_cookie(viewer: Viewer, tenant: Tenant) -> None:
    viewer.sign_in(tenant.key)
    assert viewer.page.evaluate("document.cookie") == ""
    assert [one["name"] for one in viewer.page.context.cookies()] == ["tocsin_session"]


def test_who_signs_out_is_out_in_every_tab(viewer: Viewer, tenant: Tenant) -> None:
    viewer.sign_in(tenant.key)
    viewer.page.get_by_role("button", name="Sign out").click()
    expect(viewer.page.get_by_role("button", name="Sign in")).to_be_visible()
    viewer.page.goto(f"{viewer.url}/events")
    expect(viewer.page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("path", ["/events?open=true", "/series/rides?anomalies=no"])
def test_a_session_that_is_over_returns_to_where_one_was(
    viewer: Viewer, watched: Tenant, path: str
) -> None:
    viewer.sign_in(watched.key, path)
    viewer.page.context.clear_cookies()
    viewer.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(viewer.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(viewer.page.locator("main")).to_contain_text("The session is over")
    viewer.page.get_by_label("API key").fill(watched.key)
    viewer.page.keyboard.press("Enter")
    expect(viewer.page.get_by_role("button", name="Sign out")).to_be_visible()
    assert viewer.page.url == f"{viewer.url}{path}"


def test_who_is_suspended_may_sign_in_with_another_key(
    viewer: Viewer, tenant: Tenant, service: Service
) -> None:
    viewer.sign_in(tenant.key)
    with service.client(service.operator_key) as operator:
        operator.patch(f"/v1/tenants/{tenant.slug}", json={"status": "suspended"})
    viewer.page.reload()
    expect(viewer.page.locator("main")).to_contain_text("The operator has suspended this tenant")
    viewer.page.get_by_label("API key").fill(service.operator_key)
    viewer.page.keyboard.press("Enter")
    expect(viewer.page.get_by_role("heading", name="Installation")).to_be_visible()


def test_a_key_that_may_only_read_is_offered_nothing_else(
    viewer: Viewer, watched: Tenant, service: Service
) -> None:
    made = watched.http.post("/v1/keys", json={"name": "reader", "scopes": ["read"]}).json()
    viewer.sign_in(made["secret"], "/series/rides")
    viewer.chart()
    expect(viewer.page.get_by_role("button", name="Train")).to_have_count(0)
    expect(viewer.page.get_by_role("button", name="Normal").first).to_be_disabled()
