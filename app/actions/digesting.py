"""Make the digests that charts of long series are drawn from: a chunk at a time, as upkeep."""

from uuid import UUID

from app.actions.parts import Parts
from app.store import digests, series

SERIES = 10  # whose turn it is

Behind = list[tuple[UUID, UUID]]


def behind(parts: Parts) -> Behind:
    """Tenant and id of the first series whose digests are behind."""
    with parts.database.operator() as connection:
        return digests.behind(connection, SERIES)


def make_some(parts: Parts, tenant_id: UUID, series_id: UUID) -> bool:
    """The next chunk of a series. False where there is none, or somebody holds the series: then it
    is left to another turn."""
    with parts.database.tenant(tenant_id) as connection:
        of = series.lock_free(connection, tenant_id, series_id)
        return of is not None and digests.make_some(connection, of)
