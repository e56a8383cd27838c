"""The model that judges a series now: from the process, else from Redis, else from Postgres."""

from uuid import UUID

import structlog

from app import metrics
from app.actions.parts import Parts
from app.cache import models as cached_models
from app.detection import Model
from app.errors import Conflict, Invalid
from app.metrics import numbers
from app.store import Connection, audit, models, series
from app.store.audit import SERVICE, Actor
from app.store.models import ModelVersion
from app.store.series import Series
from app.store.transaction import Transaction

log = structlog.get_logger()

Identity = tuple[UUID, UUID, int]  # tenant, series, version: what is under it never changes


def current(parts: Parts, transaction: Transaction, of: Series) -> Model | None:
    """None while the series has none, or one that this version of the program cannot read."""
    if of.model_version is None:
        return None
    kept = parts.memory.get((of.tenant_id, of.id))
    if kept.version == of.model_version:
        metrics.note(numbers.MODELS_HERE.hit)
        return kept.model
    metrics.note(numbers.MODELS_HERE.miss)
    identity = (of.tenant_id, of.id, of.model_version)
    model = _cached(parts, identity) or _stored(transaction, identity)
    if model is not None:
        parts.memory.put_model((of.tenant_id, of.id), of.model_version, model)
    return model


def _cached(parts: Parts, identity: Identity) -> Model | None:
    artifact = cached_models.get(parts.cache, *identity)
    looked = numbers.MODELS_IN_REDIS
    metrics.note(looked.miss if artifact is None else looked.hit)
    return None if artifact is None else _read(artifact, identity)


def _stored(transaction: Transaction, identity: Identity) -> Model | None:
    """It is not put back into Redis, which holds hundreds: of thousands of series, asked for in
    turn, each would push out others and their windows, for what Postgres gives as quickly."""
    return _read(models.artifact(transaction, *identity), identity)


def _read(artifact: bytes, identity: Identity) -> Model | None:
    try:
        return Model.from_bytes(artifact)
    except Invalid as error:
        log.warning("model not read", series=str(identity[1]), why=error.detail)
        return None


def versions(
    parts: Parts, tenant_id: UUID, name: str, before: int | None, limit: int
) -> tuple[Series, list[ModelVersion]]:
    """A series, and its model versions, newest first."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.by_name(connection, tenant_id, name)
        return found, models.page(connection, tenant_id, found.id, before, limit)


def most_versions(parts: Parts, tenant_id: UUID) -> int:
    """Of the series of a tenant that has most."""
    with parts.database.tenant(tenant_id) as connection:
        return models.most_versions(connection, tenant_id)


def activate(
    parts: Parts, tenant_id: UUID, name: str, version: int, *, by: Actor = SERVICE
) -> tuple[Series, ModelVersion]:
    """From the next score on, that version judges."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.lock_one(connection, tenant_id, name)
        model = models.by_version(connection, tenant_id, found.id, version)
        _refuse_unreadable(connection, found, version)
        series.activate(connection, found, version)
        details = {"version": version}
        audit.add(connection, tenant_id, by, "model.activated", found.id, details)
        return series.by_name(connection, tenant_id, name), model


def _refuse_unreadable(connection: Connection, of: Series, version: int) -> None:
    identity = (of.tenant_id, of.id, version)
    if _stored(Transaction.of(connection), identity) is None:
        raise Conflict(
            f"Model version {version} was made by another version of Tocsin, which this one cannot "
            "read: train a new one"
        )
