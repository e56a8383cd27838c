"""What the operator reads of everything that was done, and of how much there is."""

from dataclasses import replace
from typing import Any

from app.actions.parts import Parts
from app.errors import Unavailable
from app.store import audit, overview, tenants
from app.store.audit import Entry, WantedEntries


def page(parts: Parts, tenant: str | None, wanted: WantedEntries) -> list[Entry]:
    """Of all tenants and the installation itself, or of one tenant, which has to be there."""
    with parts.database.operator() as connection:
        if tenant is not None:
            wanted = replace(wanted, tenant_id=tenants.by_slug(connection, tenant).id)
        return audit.page(connection, wanted)


def counts(parts: Parts) -> dict[str, Any]:
    """How much there is, and who works; None for what Redis would know while it is away."""
    with parts.database.operator() as connection:
        found = overview.of_tenants(connection)
    with parts.database.job_scan() as connection:
        found |= overview.of_jobs(connection)
    try:
        return found | {"queue_depth": parts.queue.depth(), "workers": parts.queue.workers()}
    except Unavailable:
        return found | {"queue_depth": None, "workers": None}
