"""The last rows of a tenant, once its points and scores are gone."""

from uuid import UUID

from sqlalchemy import Connection, delete

from app.store import tables


def erase_rest(connection: Connection, tenant_id: UUID) -> None:
    for table in (tables.jobs, tables.models, tables.series, tables.api_keys):
        connection.execute(delete(table).where(table.c.tenant_id == tenant_id))
