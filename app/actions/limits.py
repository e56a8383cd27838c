"""What a tenant may use at most: its own limits, and for the others those of the installation."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Self
from uuid import UUID

from app.cache.rates import Bucket, Meter, Taken
from app.errors import RateLimited
from app.settings import Settings

if TYPE_CHECKING:
    from app.actions.caller import Caller
    from app.actions.parts import Parts


@dataclass(frozen=True)
class TenantLimits:
    requests_per_s: float
    points_per_day: int
    series: int
    stored_points: int
    upload_bytes: int
    concurrent_trainings: int
    model_versions: int

    @classmethod
    def of(cls, settings: Settings, own: Mapping[str, float]) -> Self:
        by_default = {
            field.name: getattr(settings, f"tenant_{field.name}") for field in fields(cls)
        }
        found = {**by_default, **own}
        # No tenant is given more than the installation takes.
        return cls(**{**found, "upload_bytes": min(found["upload_bytes"], settings.upload_bytes)})


def count_request(parts: "Parts", caller: "Caller") -> Taken:
    """One request more of the tenant and of the key; whether it may go on."""
    return parts.rates.take(_meter(parts, caller))


def count_request_in(parts: "Parts", edition: bytes, caller: "Caller") -> Taken | None:
    """The same as long as this edition of the tenant's keys and limits is in force, else None."""
    return parts.rates.take_in(edition, _meter(parts, caller))


def _meter(parts: "Parts", caller: "Caller") -> Meter:
    of_tenant = caller.limits.requests_per_s
    of_key = parts.settings.key_requests_per_s or of_tenant
    return _made(caller.tenant_id, caller.key_id, of_tenant, of_key)


@lru_cache(1_000)
def _made(tenant_id: UUID, key_id: str, of_tenant: float, of_key: float) -> Meter:
    tenant = str(tenant_id)
    buckets = Bucket("tenant", tenant, of_tenant), Bucket("key", f"{tenant}:{key_id}", of_key)
    return Meter(buckets, tenant)


def refuse_beyond(taken: Taken) -> None:
    """Raise `RateLimited` where the request may not go on."""
    if taken.is_allowed:
        return
    full = min(taken.levels, key=lambda level: level.left).bucket
    raise RateLimited(
        f"The {full.name} may ask {full.rate:g} times a second",
        retry_after_s=max(1, math.ceil(taken.wait_s)),
    )
