"""The queue's functions for erasing what was removed."""

from app.actions import erasure
from workers import claiming


def erase_series(tenant_id: str, job_id: str) -> None:
    claiming.run(erasure.erase_series, tenant_id, job_id)


def erase_tenant(tenant_id: str, job_id: str) -> None:
    claiming.run(erasure.erase_tenant, tenant_id, job_id)
