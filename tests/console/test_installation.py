"""The operator's page: tenants, what they had, what was done, and what is at work."""

import secrets

from playwright.sync_api import Locator, expect

from tests.api.histories import csv
from tests.console.browser import Viewer
from tests.service import Service, Tenant


def row_of(viewer: Viewer, tenant: Tenant) -> Locator:
    viewer.page.get_by_label("Begins with").fill(tenant.slug)
    tenants = viewer.page.get_by_role("region", name="Tenants", exact=True)
    expect(tenants.get_by_role("row")).to_have_count(2)  # its own below the titles
    return tenants.get_by_role("row").filter(has_text=tenant.slug)


def test_a_tenant_is_made_and_its_key_is_shown_once(viewer: Viewer, service: Service) -> None:
    slug = f"t-{secrets.token_hex(4)}"
    viewer.sign_in(service.operator_key)
    page = viewer.page
    page.get_by_text("Make a tenant", exact=True).first.click()
    page.get_by_label("Slug").fill(slug)
    page.get_by_label("Name").fill("New")
    page.get_by_role("button", name="Make a tenant").click()
    key = page.locator("code.secret").inner_text()
    with service.client(key) as client:
        assert client.get("/v1/me").json()["tenant"]["slug"] == slug
    page.reload()
    page.get_by_label("Begins with").fill(slug)
    expect(page.get_by_role("region", name="Tenants", exact=True)).to_contain_text(slug)
    expect(page.locator("code.secret")).to_have_count(0)


def test_a_tenant_is_suspended_and_comes_back(
    viewer: Viewer, tenant: Tenant, service: Service
) -> None:
    viewer.sign_in(service.operator_key)
    viewer.page.on("dialog", lambda dialog: dialog.accept())
    row = row_of(viewer, tenant)
    row.get_by_role("button", name="Suspend").click()
    expect(row).to_contain_text("suspended")
    assert tenant.http.get("/v1/me").status_code == 403
    row.get_by_role("button", name="Activate").click()
    expect(row).to_contain_text("active")
    assert tenant.http.get("/v1/me").status_code == 200


def test_limits_are_changed(viewer: Viewer, tenant: Tenant, service: Service) -> None:
    viewer.sign_in(service.operator_key)
    row = row_of(viewer, tenant)
    row.locator("summary").click()
    row.get_by_label("series", exact=True).fill("7")
    row.get_by_role("button", name="Save limits").click()
    expect(row).to_contain_text("7 series")
    assert tenant.http.get("/v1/me").json()["tenant"]["limits"]["series"] == 7


def test_use_is_shown_and_said_to_be_near_a_limit(
    viewer: Viewer, tenant: Tenant, service: Service
) -> None:
    with service.client(service.operator_key) as operator:
        operator.patch(f"/v1/tenants/{tenant.slug}", json={"limits": {"stored_points": 25}})
    tenant.make_series("rides")
    tenant.upload("rides", csv(24))
    viewer.sign_in(service.operator_key)
    used = row_of(viewer, tenant).locator(".use")
    expect(used).to_contain_text("1 series")
    expect(used).to_contain_text("24 points of 25")
    expect(used).to_contain_text("24 today")


def test_anomalies_audit_and_workers_are_there(
    viewer: Viewer, watched: Tenant, service: Service
) -> None:
    viewer.sign_in(service.operator_key, f"/?tenant={watched.slug}")
    page = viewer.page
    expect(page.get_by_role("region", name="Anomalies of all tenants")).to_contain_text("rides")
    expect(page.get_by_role("region", name="Audit log")).to_contain_text("series.created")
    expect(page.locator("dl.facts")).to_contain_text("Workers")
    viewer.keep("operator")
