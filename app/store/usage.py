"""How much a tenant has, as its limits count it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, func, select, text

from app.store import tables
from app.store.series import TODAY

SERIES = tables.series
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant, 0))")


@dataclass(frozen=True)
class Use:
    """How many series a tenant has, points in them, and points stored since midnight UTC."""

    series: int
    stored_points: int
    points_today: int


NOTHING = Use(0, 0, 0)


def of_tenant(connection: Connection, tenant_id: UUID) -> Use:
    return of_tenants(connection, [tenant_id])[tenant_id]


def of_tenants(connection: Connection, tenant_ids: Sequence[UUID]) -> dict[UUID, Use]:
    today = func.sum(SERIES.c.counted_points).filter(SERIES.c.counted_on == TODAY)
    statement = (
        select(
            SERIES.c.tenant_id,
            func.count(),
            func.coalesce(func.sum(SERIES.c.points), 0),
            func.coalesce(today, 0),
        )
        .where(SERIES.c.tenant_id.in_(tenant_ids))
        .group_by(SERIES.c.tenant_id)
    )
    found = {tenant_id: Use(*map(int, row)) for tenant_id, *row in connection.execute(statement)}
    return dict.fromkeys(tenant_ids, NOTHING) | found


def make_one_at_a_time(connection: Connection, tenant_id: UUID) -> None:
    """To the end of the transaction others of the tenant wait here."""
    connection.execute(ONE_AT_A_TIME, {"tenant": f"series {tenant_id}"})
