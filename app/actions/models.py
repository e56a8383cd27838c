"""The model that judges a series now: from the process, else from Redis, else from Postgres."""

from uuid import UUID

from app.actions.parts import Parts
from app.cache import models as cached_models
from app.detection import Model
from app.errors import Invalid, TocsinError
from app.store import Connection, audit, models, series
from app.store.audit import SERVICE, Actor
from app.store.models import ModelVersion
from app.store.series import Series


def current(parts: Parts, connection: Connection, of: Series) -> Model | None:
    """None while the series has none."""
    if of.model_version is None:
        return None
    identity = (of.tenant_id, of.id, of.model_version)
    model = parts.models.get(identity)
    if model is None:
        model = _cached(parts, identity) or _stored(parts, connection, identity)
        parts.models.put(identity, model)
    return model


def _cached(parts: Parts, identity: tuple[UUID, UUID, int]) -> Model | None:
    artifact = cached_models.get(parts.cache, *identity)
    if artifact is None:
        return None
    try:
        return Model.from_bytes(artifact)
    except Invalid:
        return None


def _stored(parts: Parts, connection: Connection, identity: tuple[UUID, UUID, int]) -> Model:
    artifact = models.artifact(connection, *identity)
    try:
        model = Model.from_bytes(artifact)
    except Invalid as error:
        raise TocsinError(f"The stored model cannot be read: {error.detail}") from error
    cached_models.put(parts.cache, *identity, artifact)
    return model


def versions(
    parts: Parts, tenant_id: UUID, name: str, before: int | None, limit: int
) -> tuple[Series, list[ModelVersion]]:
    """A series, and its model versions, newest first."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.by_name(connection, tenant_id, name)
        return found, models.page(connection, tenant_id, found.id, before, limit)


def activate(
    parts: Parts, tenant_id: UUID, name: str, version: int, *, by: Actor = SERVICE
) -> tuple[Series, ModelVersion]:
    """From the next score on, that version judges."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.lock_one(connection, tenant_id, name)
        model = models.by_version(connection, tenant_id, found.id, version)
        series.activate(connection, found, version)
        details = {"version": version}
        audit.add(connection, tenant_id, by, "model.activated", found.id, details)
        return series.by_name(connection, tenant_id, name), model
