"""Make, read, change and remove series."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.actions import announcing, quotas, retraining, states
from app.actions.parts import Parts
from app.store import audit, events, jobs, points, series, usage
from app.store.audit import SERVICE, Actor
from app.store.series import Series
from app.store.usage import Use


def add(
    parts: Parts, tenant_id: UUID, name: str, *, by: Actor = SERVICE, **settings: Any
) -> Series:
    with parts.database.tenant(tenant_id) as connection:
        made = series.add(connection, tenant_id, name, **settings)
        quotas.hold_series(parts, connection, tenant_id, made=1)
        audit.add(connection, tenant_id, by, "series.created", made.id)
    return made


def by_name(parts: Parts, tenant_id: UUID, name: str) -> Series:
    with parts.database.tenant(tenant_id) as connection:
        return series.by_name(connection, tenant_id, name)


def page(
    parts: Parts,
    tenant_id: UUID,
    after: str | None,
    limit: int,
    prefix: str | None,
    tag: str | None,
) -> list[Series]:
    with parts.database.tenant(tenant_id) as connection:
        return series.page(connection, tenant_id, after, limit, prefix, tag)


def change(
    parts: Parts, tenant_id: UUID, name: str, changes: Mapping[str, Any], *, by: Actor = SERVICE
) -> Series:
    with parts.database.tenant(tenant_id) as connection:
        before = series.lock_one(connection, tenant_id, name)
        series.change(connection, tenant_id, name, changes)
        asked = retraining.ask_with(connection, series.by_name(connection, tenant_id, name), before)
        changed = series.by_name(connection, tenant_id, name)
        if changes:
            details = {"changed": sorted(changes)}
            audit.add(connection, tenant_id, by, "series.changed", changed.id, details)
    retraining.wake(parts, asked)
    return changed


def use(parts: Parts, tenant_id: UUID) -> Use:
    with parts.database.tenant(tenant_id) as connection:
        return usage.of_tenant(connection, tenant_id)


def remove(parts: Parts, tenant_id: UUID, name: str, *, by: Actor = SERVICE) -> None:
    """Gone at once for everybody; a job erases its points and scores, which may take a while."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.lock_one(connection, tenant_id, name)
        announcing.events_closed(connection, events.close(connection, found).closed)
        series.remove(connection, found)
        audit.add(connection, tenant_id, by, "series.deleted", found.id)
        job, _ = jobs.add_or_join(connection, tenant_id, "erase_series", found.id, name, {})
    states.forget(parts, tenant_id, found.id)
    parts.queue.wake("erase_series", tenant_id, job.id)


def erase_points(
    parts: Parts,
    tenant_id: UUID,
    name: str,
    start: datetime | None,
    end: datetime | None,
    *,
    by: Actor = SERVICE,
) -> int:
    """Erase points and their scores from `start` up to, not including, `end`; -> how many."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.lock_one(connection, tenant_id, name)
        removed = points.remove(connection, found, start, end)
        series.recount(connection, found, removed)
        announcing.events_closed(connection, events.erase(connection, found, start, end))
        if removed:
            audit.add(
                connection, tenant_id, by, "points.erased", found.id, _span(start, end, removed)
            )
    states.forget(parts, tenant_id, found.id)
    return removed


def _span(start: datetime | None, end: datetime | None, removed: int) -> dict[str, Any]:
    bounds = {"from": start, "to": end}
    return {**{name: at for name, at in bounds.items() if at is not None}, "points": removed}
