"""What the operator does; needs an operator key."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack

from app.client.answers import (
    AuditEntry,
    Job,
    NewKey,
    NewTenant,
    Overview,
    Tenant,
    TenantInUse,
    TenantScore,
)
from app.client.calls import keys
from app.client.calls.keys import Scope
from app.client.requests import Listing, Request, get, listing, make, send, span
from app.client.times import Time

LIST, ONE = "/v1/tenants", "/v1/tenants/{slug}"


class Limits(TypedDict, total=False):
    """Of a tenant; None is what the installation sets."""

    requests_per_s: float | None
    points_per_day: int | None
    series: int | None
    stored_points: int | None
    upload_bytes: int | None
    concurrent_trainings: int | None
    model_versions: int | None


class TenantChanges(TypedDict, total=False):
    """`limits` that are not named stay; None gives all of them back."""

    name: str
    status: Literal["active", "suspended"]
    limits: Limits | None


def create_tenant(
    slug: str, name: str, *, limits: Limits | None = None, idempotency_key: str | None = None
) -> Request[NewTenant]:
    """Make a tenant; the secret of its first key is shown this once."""
    body: dict[str, Any] = {"slug": slug, "name": name}
    return make(
        NewTenant, LIST, body if limits is None else {**body, "limits": limits}, idempotency_key
    )


def list_tenants(*, prefix: str | None = None, limit: int | None = None) -> Listing[TenantInUse]:
    """The tenants and what they use, by slug."""
    return listing(TenantInUse, LIST, limit, {"prefix": prefix})


def get_tenant(slug: str) -> Request[TenantInUse]:
    """One tenant, and what it uses."""
    return get(TenantInUse, ONE, slug=slug)


def update_tenant(slug: str, **changes: Unpack[TenantChanges]) -> Request[Tenant]:
    """Rename, suspend or resume a tenant, or change some of its limits."""
    return send("PATCH", Tenant, ONE, changes, slug=slug)


def delete_tenant(slug: str, *, confirm: str) -> Request[Job]:
    """Erase a tenant and all its rows for good; `confirm` is its slug, once more."""
    return send("DELETE", Job, ONE, query={"confirm": confirm}, slug=slug)


def create_tenant_key(
    slug: str,
    name: str,
    scopes: Sequence[Scope],
    *,
    expires_at: Time | None = None,
    idempotency_key: str | None = None,
) -> Request[NewKey]:
    """Make a key for a tenant; its `secret` is shown this once."""
    body = keys.body(name, scopes, expires_at)
    return make(NewKey, "/v1/tenants/{slug}/keys", body, idempotency_key, slug=slug)


def list_all_anomalies(
    *,
    tenant: str | None = None,
    series: str | None = None,
    start: Time | None = None,
    end: Time | None = None,
    min_score: float | None = None,
    limit: int | None = None,
) -> Listing[TenantScore]:
    """Anomalous points of every tenant, newest first; the audit log tells who read them."""
    query = {"tenant": tenant, "series": series, "min_score": min_score, **span(start, end)}
    return listing(TenantScore, "/v1/admin/anomalies", limit, query)


def list_audit(
    *,
    tenant: str | None = None,
    action: str | None = None,
    start: Time | None = None,
    end: Time | None = None,
    limit: int | None = None,
) -> Listing[AuditEntry]:
    """Who did what, when, and from where, newest first."""
    query = {"tenant": tenant, "action": action, **span(start, end)}
    return listing(AuditEntry, "/v1/admin/audit", limit, query)


def get_overview() -> Request[Overview]:
    """Counts of tenants, series, points, models, jobs and workers."""
    return get(Overview, "/v1/admin/overview")
