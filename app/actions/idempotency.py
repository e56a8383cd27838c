"""Do once what is asked more than once under the same idempotency key."""

import hashlib
from uuid import UUID

import structlog

from app import apikeys
from app.actions.parts import Parts
from app.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    IdempotencySecretShown,
    QuotaExceeded,
    Unavailable,
)
from app.store import Connection, idempotency
from app.store.idempotency import Claim, Kept

# How long a key is locked by a request whose process died; one that lives is far quicker.
LEASE_S = 60.0
MOST_KEYS = 100_000  # of a tenant, each kept for a day

log = structlog.get_logger()


def claim(
    parts: Parts, tenant_id: UUID, key: str, fingerprint: bytes, lease_s: float = LEASE_S
) -> Claim | Kept:
    """The key is ours, and the request to be done; or it was done, and this is its answer."""
    key_hash = hashlib.sha256(key.encode()).digest()
    with parts.database.tenant(tenant_id) as connection:
        mine = idempotency.claim(connection, tenant_id, key_hash, fingerprint, lease_s)
        if mine is not None:
            _refuse_more(connection, tenant_id)
            return mine
        found = idempotency.find(connection, tenant_id, key_hash)
    if found is not None and found[0] != fingerprint:
        raise IdempotencyKeyReused(
            "This idempotency key stands for a request with another method, path, query or body; "
            "take a new key for a new request"
        )
    if found is None or found[1] is None:
        raise IdempotencyKeyInUse("The first request with this idempotency key is still under way")
    return _shown(found[1])


def _refuse_more(connection: Connection, tenant_id: UUID) -> None:
    """Each is a row for a day."""
    if idempotency.count(connection, tenant_id, MOST_KEYS + 1) > MOST_KEYS:
        raise QuotaExceeded(
            f"The tenant has used {MOST_KEYS} idempotency keys within a day, which is the most; "
            "ask without one, or when some of them are a day old",
            quota="idempotency_keys",
            limit=MOST_KEYS,
            use=MOST_KEYS,
        )


def _shown(kept: Kept) -> Kept:
    if kept.shown_key is not None:
        what = "webhook" if len(kept.shown_key) > apikeys.ID_LENGTH else "key"
        raise IdempotencySecretShown(
            f"It was done, and its answer showed the secret of the {what} {kept.shown_key}, which "
            "is shown once. If that answer was lost, rotate it, or remove it and make another",
            **{f"{what}_id": kept.shown_key},
        )
    return kept


def keep(parts: Parts, mine: Claim, kept: Kept) -> None:
    """For who asks again. What was done is done: the answer goes out even if it cannot be kept."""
    try:
        with parts.database.tenant(mine.tenant_id) as connection:
            is_kept = idempotency.keep(connection, mine, kept)
    except Unavailable as error:
        log.warning("answer not kept for repeats", error=error.detail)
        return
    if not is_kept:
        log.warning("answer not kept for repeats", error="the lease ran out, another has the key")


def release(parts: Parts, mine: Claim) -> None:
    """Asking again tries again; where this fails, once the lease has run out."""
    try:
        with parts.database.tenant(mine.tenant_id) as connection:
            idempotency.release(connection, mine)
    except Unavailable as error:
        log.warning("idempotency key not released", error=error.detail)
