"""The bytes of model versions; they never change, so an entry is never stale."""

from uuid import UUID

from app.cache.entries import Cache


def get(cache: Cache, tenant_id: UUID, series_id: UUID, version: int) -> bytes | None:
    return cache.get(_key(tenant_id, series_id, version))


def put(cache: Cache, tenant_id: UUID, series_id: UUID, version: int, artifact: bytes) -> None:
    cache.put(_key(tenant_id, series_id, version), artifact)


def _key(tenant_id: UUID, series_id: UUID, version: int) -> str:
    return f"model:{tenant_id}:{series_id}:{version}"
