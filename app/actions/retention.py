"""Erase what series keep no longer: a little at a time, so that nobody waits for it."""

from uuid import UUID

from app.actions import announcing, states
from app.actions.parts import Parts
from app.errors import NotFound
from app.store import retention, series

BATCH_POINTS = 5_000  # a batch holds the lock on its series
BATCHES = 10  # of as many series


def erase_some(parts: Parts) -> int:
    """One batch of each of the first series that have points too old; -> how many series had."""
    with parts.database.operator() as connection:
        found = retention.outdated(connection, BATCHES)
    for tenant_id, series_id in found:
        _erase_oldest(parts, tenant_id, series_id)
    return len(found)


def _erase_oldest(parts: Parts, tenant_id: UUID, series_id: UUID) -> None:
    with parts.database.tenant(tenant_id) as connection:
        try:
            of = series.lock_by_id(connection, tenant_id, series_id)
        except NotFound:  # removed meanwhile
            return
        ended = retention.erase_oldest(connection, of, BATCH_POINTS)
        announcing.events_closed(connection, ended)
    states.forget(parts, tenant_id, series_id)
