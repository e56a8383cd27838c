"""What a tenant has, against its limits.

Series are counted again under a lock when they are made. Points are not: requests that run at the
same time may pass a limit together, by what they bring themselves, since a lock would make a
tenant's requests wait for each other. What streams in is compared with a sum that a process reads
every few seconds and adds to, and anew before anything is refused.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

from app.actions.limits import TenantLimits
from app.errors import QuotaExceeded
from app.store import Connection, tenants, usage
from app.store.usage import Use

if TYPE_CHECKING:
    from app.actions.parts import Parts

FRESH_S = 5.0
MEMORY_TENANTS = 10_000


@dataclass
class _Known:
    """Of one tenant, as read at a time, with what this process added since."""

    limits: TenantLimits
    use: Use
    read_at: float
    added: int = 0


class UseMemory:
    """The last sums of a process, the most recently used ones."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, _Known] = OrderedDict()
        self._lock = Lock()

    def fresh(self, tenant_id: UUID) -> _Known | None:
        with self._lock:
            known = self._known.get(tenant_id)
        return known if known and time.monotonic() - known.read_at < FRESH_S else None

    def keep(self, tenant_id: UUID, known: _Known) -> None:
        with self._lock:
            self._known[tenant_id] = known
            self._known.move_to_end(tenant_id)
            while len(self._known) > MEMORY_TENANTS:
                self._known.popitem(last=False)


def refuse_more_series(parts: "Parts", connection: Connection, tenant_id: UUID) -> None:
    """Raise `QuotaExceeded` where the tenant may have no series more."""
    most = limits(parts, connection, tenant_id).series
    _refuse("series", most, usage.of_tenant(connection, tenant_id).series, 1)


def hold_series(parts: "Parts", connection: Connection, tenant_id: UUID, made: int) -> None:
    """Raise `QuotaExceeded` where those just made are too many, by what others made meanwhile.

    To the end of the transaction nobody else of the tenant comes past here.
    """
    usage.make_one_at_a_time(connection, tenant_id)
    use = usage.of_tenant(connection, tenant_id).series
    _refuse("series", limits(parts, connection, tenant_id).series, use - made, made)


def refuse_more_points(parts: "Parts", connection: Connection, tenant_id: UUID, more: int) -> None:
    """Raise `QuotaExceeded` where so many points more are too many, of a day or in all.

    Before they are noted in their series' row: what is read here must not count them already.
    """
    if fit(parts, tenant_id, more):
        return
    known = _read(parts, connection, tenant_id)
    parts.use.keep(tenant_id, known)
    use, limits = known.use, known.limits
    _refuse("points_per_day", limits.points_per_day, use.points_today + known.added, more)
    _refuse("stored_points", limits.stored_points, use.stored_points + known.added, more)
    known.added += more


def fit(parts: "Parts", tenant_id: UUID, more: int) -> bool:
    """Whether a fresh sum shows room for so many points more; then they are added to it."""
    known = parts.use.fresh(tenant_id)
    if known is None or not _has_room(known, more):
        return False
    known.added += more
    return True


def _read(parts: "Parts", connection: Connection, tenant_id: UUID) -> _Known:
    own = limits(parts, connection, tenant_id)
    return _Known(own, usage.of_tenant(connection, tenant_id), time.monotonic())


def limits(parts: "Parts", connection: Connection, tenant_id: UUID) -> TenantLimits:
    return TenantLimits.of(parts.settings, tenants.by_id(connection, tenant_id).limits)


def _has_room(known: _Known, more: int) -> bool:
    use, limits = known.use, known.limits
    return (
        use.points_today + known.added + more <= limits.points_per_day
        and use.stored_points + known.added + more <= limits.stored_points
    )


def _refuse(quota: str, limit: int, use: int, more: int) -> None:
    if use + more > limit:
        raise QuotaExceeded(
            f"The tenant may have {limit} {WORDS[quota]}, has {use}, and this would add {more}",
            quota=quota,
            limit=limit,
            use=use,
        )


WORDS = {
    "series": "series",
    "points_per_day": "points stored a day (UTC)",
    "stored_points": "points stored",
}
