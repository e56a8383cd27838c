"""What is kept for a while only, deleted as its tenants: their rows are nobody else's to touch."""

from collections.abc import Callable
from uuid import UUID

from app.actions.parts import Parts
from app.store import Connection, deliveries, idempotency, sessions

# Whose rows are old, by the scan; and that tenant's, deleted.
Kind = tuple[Callable[[Connection], list[UUID]], Callable[[Connection, UUID], int]]

IDEMPOTENCY_KEYS: Kind = (idempotency.tenants_with_old, idempotency.forget_old)
SESSIONS: Kind = (sessions.tenants_with_old, sessions.forget_old)
DELIVERIES: Kind = (deliveries.tenants_with_old, deliveries.forget_old)


def forget_old(parts: Parts, kind: Kind) -> int:
    """Delete what is old of a kind, of all tenants; -> how many rows."""
    whose, forget = kind
    with parts.database.job_scan() as connection:
        found = whose(connection)
    forgotten = 0
    for tenant_id in found:
        with parts.database.tenant(tenant_id) as connection:
            forgotten += forget(connection, tenant_id)
    return forgotten
