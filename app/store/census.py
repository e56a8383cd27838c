"""How much there is and how much waits, in one round trip that ends after a moment either way.

No points and no scores are looked at; of each series a row is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import PoolProxiedConnection

from app.store.together import BEGIN, COMMIT, Statement, run_on

WITHIN_S = 2.0  # Prometheus gives up after ten
NEAR = 0.9  # of a limit
OTHER = "other"  # a tenant of that name is never named
QUOTAS = ("series", "stored_points", "points_per_day")

AS_OPERATOR = Statement(
    "census_as_operator",
    "SELECT set_config('role', 'tocsin_operator', true), "
    f"set_config('statement_timeout', '{WITHIN_S * 1000:.0f}', true)",
)
AS_JOBS = Statement("census_as_jobs", "SELECT set_config('role', 'tocsin_jobs', true)")
# $1: how many tenants are named; then the limits of those without their own.
TENANTS = Statement(
    "census_tenants",
    "WITH use AS (SELECT tenant_id, count(*) AS series, sum(points) AS stored_points, "  # noqa: S608  # nosec B608 - names of columns are ours
    "sum(counted_points) FILTER (WHERE counted_on = current_date) AS points_per_day "
    "FROM series GROUP BY tenant_id), "
    "placed AS (SELECT slug, limits, coalesce(series, 0) AS series, "
    "coalesce(stored_points, 0) AS stored_points, coalesce(points_per_day, 0) AS points_per_day, "
    f"row_number() OVER (ORDER BY slug = '{OTHER}', points_per_day DESC NULLS LAST, "
    "stored_points DESC NULLS LAST, slug) AS place "
    "FROM tenants LEFT JOIN use ON tenant_id = id WHERE slug <> '') "
    f"SELECT CASE WHEN place <= $1::integer AND slug <> '{OTHER}' THEN slug ELSE '{OTHER}' END "
    "AS tenant, count(*)::integer, sum(series)::bigint, sum(stored_points)::bigint, "
    "sum(points_per_day)::bigint, "
    + ", ".join(
        f"(count(*) FILTER (WHERE {quota} >= {NEAR} * "
        f"coalesce((limits ->> '{quota}')::float8, ${number}::float8)))::integer"
        for number, quota in enumerate(QUOTAS, 2)
    )
    + " FROM placed GROUP BY 1",
)
EVENTS = Statement("census_events", "SELECT count(*)::integer FROM events WHERE closed_at IS NULL")
WEBHOOKS = Statement(
    "census_webhooks",
    "SELECT count(*)::integer, "
    "greatest(0, coalesce(extract(epoch FROM now() - min(due_at)), 0))::float8 "
    "FROM webhook_deliveries WHERE status = 'pending'",
)
JOBS = Statement(
    "census_jobs",
    "SELECT kind, status, count(*)::integer, extract(epoch FROM now() - min(created_at))::float8, "
    "(count(*) FILTER (WHERE lease_until < now()))::integer "
    "FROM jobs WHERE status IN ('queued', 'running') GROUP BY kind, status",
)


@dataclass(frozen=True)
class TenantUse:
    """Of one tenant, or of all that are not named. near: of each quota, how many are near it."""

    tenant: str
    tenants: int
    series: int
    stored_points: int
    points_per_day: int
    near: dict[str, int]


@dataclass(frozen=True)
class JobCount:
    """Jobs of a kind that wait or run. overdue: whose worker gives no sign of life."""

    kind: str
    status: str
    count: int
    oldest_s: float
    overdue: int


@dataclass(frozen=True)
class Waiting:
    """Messages that webhooks are still to be told. late_s: since when one has been due."""

    count: int
    late_s: float


@dataclass(frozen=True)
class Census:
    tenants: list[TenantUse]
    jobs: list[JobCount]
    open_events: int
    webhooks: Waiting


def taken(lent: PoolProxiedConnection, named: int, limits: Sequence[int]) -> Census:
    """named: so many tenants, those that stored most today; the rest are `OTHER`."""
    parameters = [str(number).encode() for number in (named, *limits)]
    asked = [
        (BEGIN, ()),
        (AS_OPERATOR, ()),
        (TENANTS, parameters),
        (EVENTS, ()),
        (AS_JOBS, ()),
        (JOBS, ()),
        (WEBHOOKS, ()),
        (COMMIT, ()),
    ]
    _, _, tenants, [(open_events,)], _, jobs, [webhooks], _ = run_on(lent, asked, WITHIN_S)
    uses = [_use(*row) for row in tenants]
    return Census(uses, [JobCount(*row) for row in jobs], open_events, Waiting(*webhooks))


def _use(
    tenant: str, tenants: int, series: int, stored_points: int, points_per_day: int, *near: int
) -> TenantUse:
    near_limit = dict(zip(QUOTAS, near, strict=True))
    return TenantUse(tenant, tenants, series, stored_points, points_per_day, near_limit)
