"""How much a tenant has, as its limits count it."""

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


def of_tenant(connection: Connection, tenant_id: UUID) -> Use:
    today = func.sum(SERIES.c.counted_points).filter(SERIES.c.counted_on == TODAY)
    statement = select(
        func.count(), func.coalesce(func.sum(SERIES.c.points), 0), func.coalesce(today, 0)
    )
    row = connection.execute(statement.where(SERIES.c.tenant_id == tenant_id)).one()
    return Use(*(int(number) for number in row))


def make_one_at_a_time(connection: Connection, tenant_id: UUID) -> None:
    """To the end of the transaction others of the tenant wait here."""
    connection.execute(ONE_AT_A_TIME, {"tenant": f"series {tenant_id}"})
