"""`/v1/tenants`: what the operator does."""

from functools import partial
from typing import Any

from app.actions import accounts
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import NewKey, NewTenant, TenantChanges
from app.api.queries import Confirmation, TenantsQuery
from app.errors import FieldError, Invalid
from app.store.audit import Actor
from app.web.formats import Answer
from app.web.routes import route

LIST = "/v1/tenants"
ONE = "/v1/tenants/{slug}"


@route(
    "POST",
    LIST,
    scope="operator",
    body=(NewTenant,),
    status=201,
    answer=answers.NewTenantAnswer,
    errors=(409,),
    makes=True,
)
def post_tenant(parts: Parts, actor: Actor, body: NewTenant) -> Answer:
    """Make a tenant, and its first key."""
    limits = body.limits.model_dump(exclude_none=True)
    tenant, stored, key = accounts.add_tenant(parts, body.slug, body.name, limits, by=actor)
    made = {**shown.tenant(parts.settings, tenant), "api_key": shown.new_key(stored, key)}
    return Answer(made, 201, {"Location": f"{LIST}/{tenant.slug}"}, shown_key=stored.id)


@route("GET", LIST, scope="operator", query=TenantsQuery, answer=list[answers.TenantInUseAnswer])
def get_tenants(parts: Parts, query: TenantsQuery) -> dict[str, Any]:
    """List the tenants and what they use, by slug."""
    after = pages.after_one(parts, LIST, query.cursor)
    found = accounts.tenants_page(parts, after, query.rows, query.prefix)
    return pages.page(
        parts,
        LIST,
        query.limit,
        found,
        partial(shown.tenant_in_use, parts.settings),
        lambda one: [one[0].slug],
    )


@route("GET", ONE, scope="operator", answer=answers.TenantInUseAnswer, errors=(404,))
def get_tenant(parts: Parts, slug: str) -> dict[str, Any]:
    """One tenant, and what it uses."""
    return shown.tenant_in_use(parts.settings, accounts.tenant_in_use(parts, slug))


@route(
    "PATCH",
    ONE,
    scope="operator",
    body=(TenantChanges,),
    answer=answers.TenantAnswer,
    errors=(404, 409),
)
def patch_tenant(parts: Parts, actor: Actor, slug: str, body: TenantChanges) -> dict[str, Any]:
    """Rename, suspend or resume a tenant, or change some of its limits."""
    changed = accounts.change_tenant(parts, slug, body.given(), by=actor)
    return shown.tenant(parts.settings, changed)


@route(
    "DELETE",
    ONE,
    scope="operator",
    query=Confirmation,
    status=202,
    answer=answers.JobAnswer,
    errors=(404,),
)
def delete_tenant(parts: Parts, actor: Actor, slug: str, query: Confirmation) -> Answer:
    """Erase a tenant and all its rows for good."""
    if query.confirm != slug:
        wrong = FieldError("confirm", f"must be {slug}, the tenant that is to be erased")
        raise Invalid("Erasing needs to be confirmed", [wrong])
    job = accounts.erase_tenant(parts, slug, by=actor)
    return Answer(shown.job(job), 202, {"Location": f"/v1/jobs/{job.id}"})


@route(
    "POST",
    "/v1/tenants/{slug}/keys",
    scope="operator",
    body=(NewKey,),
    status=201,
    answer=answers.NewKeyAnswer,
    errors=(404,),
    makes=True,
)
def post_tenant_key(parts: Parts, actor: Actor, slug: str, body: NewKey) -> Answer:
    """Make a key for a tenant."""
    tenant = accounts.tenant_by_slug(parts, slug)
    stored, key = accounts.add_key(
        parts, tenant.id, body.name, body.scopes, pages.moment(body.expires_at), by=actor
    )
    return Answer(shown.new_key(stored, key), 201, shown_key=stored.id)
