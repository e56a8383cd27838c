"""The last rows of what is removed, once its points and scores are gone."""

from uuid import UUID

from sqlalchemy import Connection, delete, select

from app.store import tables
from app.store.database import become_operator, become_server


def shut(connection: Connection, tenant_id: UUID) -> None:
    """To the end of the transaction nobody adds to the tenant: who began before is waited for.

    A new series takes a lock on its tenant's row, new points and scores one on their series' row.
    """
    become_operator(connection)
    tenants = tables.tenants
    connection.execute(select(tenants.c.id).where(tenants.c.id == tenant_id).with_for_update())
    become_server(connection)
    connection.execute(delete(tables.series).where(tables.series.c.tenant_id == tenant_id))


def erase_rest(connection: Connection, tenant_id: UUID) -> None:
    """Of every table but the audit log, what refers to others first."""
    for table in reversed(tables.metadata.sorted_tables):
        if "tenant_id" in table.c and table is not tables.audit:
            connection.execute(delete(table).where(table.c.tenant_id == tenant_id))


def erase_trainings(connection: Connection, tenant_id: UUID, series_id: UUID) -> None:
    """The trainings of a series that is gone; one under way finds that it is nobody's any more."""
    jobs = tables.jobs
    mine = (jobs.c.tenant_id == tenant_id) & (jobs.c.series_id == series_id)
    connection.execute(delete(jobs).where(mine, jobs.c.kind == "train"))
