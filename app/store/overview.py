"""Counts over all tenants, by queries that stay cheap: no points or scores are looked at."""

from typing import Any

from sqlalchemy import Connection, text

# The versions of a series are numbered through, so the last numbers add up to all that were made.
OF_TENANTS = text(
    "SELECT (SELECT count(*) FROM tenants WHERE slug <> '') AS tenants, count(*) AS series, "
    "coalesce(sum(points), 0)::bigint AS points, coalesce(sum(last_version), 0) AS models "
    "FROM series"
)
OF_JOBS = text(
    "SELECT count(*) FILTER (WHERE status = 'queued') AS jobs_queued, "
    "count(*) FILTER (WHERE status = 'running') AS jobs_running, "
    "(SELECT count(*) FROM jobs WHERE status = 'failed' "
    "AND finished_at > now() - interval '24 hours') AS jobs_failed_24h "
    "FROM jobs WHERE status IN ('queued', 'running')"
)


def of_tenants(connection: Connection) -> dict[str, Any]:
    """Inside `Database.operator`: tenants, series, points and models."""
    return dict(connection.execute(OF_TENANTS).mappings().one())


def of_jobs(connection: Connection) -> dict[str, Any]:
    """Inside `Database.job_scan`: jobs that wait, that run, and that failed within a day."""
    return dict(connection.execute(OF_JOBS).mappings().one())
