"""Tenants that have something of everything, made over HTTP in a moment: no worker is needed."""

import json
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg

from app.web.routes import DECLARED
from tests.service import Service, Tenant
from tests.web.asking import BODIES

SHARED = "shared"  # a series that each tenant has, by the same name
POINTS = 20
# Versions of models come of trainings, which a worker does: these are rows only.
MODEL = (
    "INSERT INTO models (tenant_id, series_id, version, artifact, checksum, points, from_at, to_at,"
    " settings, threshold, seconds) VALUES (%s, %s, %s, '\\x00', '\\x00', 64, now(), now(), "
    "'{}', 0.9, 0.1)"
)
DIGEST = "INSERT INTO digests VALUES (%s, %s, now(), '{1}', '{2}')"
ENDED_JOB = (
    "INSERT INTO jobs (tenant_id, id, kind, series_id, subject, status) "
    "VALUES (%s, gen_random_uuid(), 'train', %s, %s, 'succeeded')"
)


@dataclass(frozen=True)
class Owner:
    """`names` are what stands for its things in paths; `marks` are in answers about it alone.

    `cursors` are the places in its lists, by the path of the list.
    """

    id: str
    tenant: Tenant
    names: dict[str, str]
    marks: tuple[str, ...]
    cursors: dict[str, str]

    @property
    def http(self) -> httpx.Client:
        return self.tenant.http


def idempotency_key(tenant: Tenant, path: str) -> str:
    """That it used when it made something, with the body of `BODIES`."""
    return f"{tenant.slug} {path}"


def make(service: Service, superuser: psycopg.Connection, year: int, versions: int) -> Owner:
    """Its points are of that year, and its series have that many model versions."""
    tenant = service.new_tenant()
    mark = f"mark-of-{tenant.slug}"
    own = f"own-{tenant.slug}"
    url = f"https://hook.invalid/{mark}"
    webhook = _ok(tenant.http.post("/v1/webhooks", json={"url": url}))
    for name in (SHARED, own):
        tenant.make_series(name, description=mark, tags=[mark])
        _fill(tenant, name, year)
        _say(tenant, name, mark)
    spare = _ok(tenant.http.post("/v1/keys", json={"name": mark, "scopes": ["read"]}))
    assert tenant.http.post("/v1/session").is_success
    for route in DECLARED:
        if route.makes and route.scope != "operator" and "{" not in route.path:
            header = {"Idempotency-Key": idempotency_key(tenant, route.path)}
            made = BODIES[route.method, route.path]
            _ok(tenant.http.post(route.path, json=made, headers=header))
    tenant_id = _tenant_id(superuser, tenant)
    for series_id in _series_ids(superuser, tenant_id):
        superuser.execute(ENDED_JOB, [tenant_id, series_id, mark])
        superuser.execute(DIGEST, [tenant_id, series_id])
        for version in range(1, versions + 1):
            superuser.execute(MODEL, [tenant_id, series_id, version])
    job = _ok(tenant.http.get(f"/v1/series/{own}/jobs"))["data"][0]
    event = _ok(tenant.http.get("/v1/events", params={"series": own}))["data"][0]
    delivery = _ok(tenant.http.get(f"/v1/webhooks/{webhook['id']}/deliveries"))["data"][0]
    names = {
        "series_name": own,
        "job_id": job["id"],
        "key_id": spare["id"],
        "event_id": event["id"],
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "version": str(versions),
        "timestamp": f"{year}-01-01T03:00:00Z",
        "slug": tenant.slug,
        "label_name": "series",
    }
    ids = [one["id"] for one in (job, spare, event, webhook, delivery)]
    marks = (tenant_id, mark, *ids, f"{year}-01")
    return Owner(tenant_id, tenant, names, marks, _cursors(tenant, names))


def _fill(tenant: Tenant, name: str, year: int) -> None:
    """Points, scores by the rule of thumb, two events, a replaced score, a queued training."""
    times = [f"{year}-01-{1 + h // 24:02d}T{h % 24:02d}:00:00Z" for h in range(POINTS + 50)]
    rows = "".join(f"{time},{h % 5}\n" for h, time in enumerate(times[:POINTS]))
    assert tenant.upload(name, "timestamp,value\n" + rows).is_success
    values = [*(h % 5 for h in range(POINTS, POINTS + 48)), 9e6, 1]
    values[2] = 9e6
    given = zip(times[POINTS:], values, strict=True)
    points = [{"timestamp": time, "value": value} for time, value in given]
    _ok(tenant.http.post(f"/v1/series/{name}/score", json={"points": points}))
    again = {"on_conflict": "replace"}
    changed = {"timestamp": times[POINTS], "value": 2.5}
    _ok(tenant.http.post(f"/v1/series/{name}/score", json=changed, params=again))
    _ok(tenant.http.post(f"/v1/series/{name}/train"))


def _say(tenant: Tenant, name: str, note: str) -> None:
    """Feedback on an event and on the point that opened it."""
    event = _ok(tenant.http.get("/v1/events", params={"series": name}))["data"][0]
    said = {"label": "normal", "note": note}
    for place in (f"events/{event['id']}", f"series/{name}/scores/{event['start']}"):
        _ok(tenant.http.put(f"/v1/{place}/feedback", json=said))


def _cursors(tenant: Tenant, names: dict[str, str]) -> dict[str, str]:
    """Of every list of a tenant: each must have a second page, or nothing would be tried there."""
    found = {}
    for route in DECLARED:
        if route.scope != "operator" and route.query and "cursor" in route.query.model_fields:
            path = route.path.format(**names)
            listed = _ok(tenant.http.get(path, params={"limit": 1}))
            assert listed["next"], f"{route.path} has one page only: {listed}"
            found[route.path] = listed["next"]
    return found


def _ok(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return json.loads(answer.content)


def _tenant_id(superuser: psycopg.Connection, tenant: Tenant) -> str:
    found = superuser.execute("SELECT id FROM tenants WHERE slug = %s", [tenant.slug]).fetchone()
    assert found
    return str(found[0])


def _series_ids(superuser: psycopg.Connection, tenant_id: str) -> list[Any]:
    found = superuser.execute("SELECT id FROM series WHERE tenant_id = %s", [tenant_id])
    return [row[0] for row in found]
