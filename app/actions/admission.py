"""Whose key it is, and whether he may ask now.

Keys are read from Postgres. For a moment a process remembers what it read, and believes it as long
as the edition of the tenant's keys, which Redis tells with each count of a request, is still the
one in force: whatever changes a key or a tenant makes another edition. Where Redis does not answer,
every request asks Postgres.
"""

import time
from contextlib import suppress

from app import metrics
from app.actions import limits, refusals
from app.actions.caller import Caller, Known
from app.actions.limits import TenantLimits
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.cache.rates import Taken
from app.errors import TenantSuspended, Unavailable
from app.metrics import numbers
from app.store import keys
from app.store.audit import SERVICE, Actor
from app.store.database import INSTALLATION
from app.store.keys import PresentedKey

# Should the news of a change not reach Redis: less than the second within which it has to act.
REMEMBERED_S = 0.5
SUSPENDED = "The operator has suspended this tenant; its data are kept"


def admit(parts: Parts, key: ApiKey, *, by: Actor = SERVICE) -> tuple[Caller, Taken] | None:
    """The owner of a key, and his request counted; None where no such key is valid."""
    known = parts.keys.get(key.id)
    if known is not None and _is_believed(known, key):
        taken = limits.count_request_in(parts, known.edition, known.caller)
        if taken is not None:
            metrics.note(numbers.KEYS_HERE.hit)
            return known.caller, taken
    metrics.note(numbers.KEYS_HERE.miss)
    found = _looked_up(parts, key, by)
    if found is None:
        return None
    caller = _caller(parts, found, key.id)
    taken = limits.count_request(parts, caller)
    _remember(parts, key, found, caller, taken, before=known.edition if known else None)
    return caller, taken


def _is_believed(known: Known, key: ApiKey) -> bool:
    return known.is_certain and time.monotonic() < known.until_s and known.key.is_same(key)


def _remember(
    parts: Parts,
    key: ApiKey,
    found: PresentedKey,
    caller: Caller,
    taken: Taken,
    before: bytes | None,
) -> None:
    """before: the edition known when the key was read; a change since then shows by it."""
    if taken.edition is not None:
        holds_s = REMEMBERED_S if found.holds_s is None else min(REMEMBERED_S, found.holds_s)
        until_s = time.monotonic() + holds_s
        is_certain = taken.edition == before
        known = Known(key, caller, taken.edition, is_certain, until_s)
        parts.keys.put(caller.key_id, known)


def recognise(parts: Parts, key: ApiKey, *, by: Actor = SERVICE) -> Caller | None:
    """The owner of a key; None where no such key is valid, which the audit log then tells."""
    found = _looked_up(parts, key, by)
    return _caller(parts, found, key.id) if found else None


def recognise_hashed(parts: Parts, key_id: str, key_hash: bytes) -> Caller | None:
    """The owner of the key that had this hash; None where that opens nothing any more."""
    found = keys.presented(parts.database, key_id)
    if found is None:
        return None
    reason = _reason_of_state(
        found, key_hash == found.secret_hash, key_hash == (found.previous_hash or b"")
    )
    if reason == "tenant_suspended":
        raise TenantSuspended(SUSPENDED)
    return _caller(parts, found, key_id) if reason is None else None


def _looked_up(parts: Parts, key: ApiKey, by: Actor) -> PresentedKey | None:
    found = keys.presented(parts.database, key.id)
    tenant_id = INSTALLATION if found is None else found.tenant_id
    reason = _reason_to_refuse(parts, found, key)
    if reason is not None:
        refusals.note_key(parts, tenant_id, by, key.id, reason)
    if reason == "tenant_suspended":
        raise TenantSuspended(SUSPENDED)
    if reason is not None or found is None:
        return None
    if found.is_use_stale:
        # A database that takes no writes can be read all the same.
        with suppress(Unavailable), parts.database.tenant(tenant_id) as connection:
            keys.note_use(connection, tenant_id, key.id)
    return found


def _caller(parts: Parts, found: PresentedKey, key_id: str) -> Caller:
    limits = TenantLimits.of(parts.settings, found.tenant_limits)
    is_operator = found.tenant_id == INSTALLATION
    return Caller(found.tenant_id, key_id, frozenset(found.scopes), is_operator, limits)


def _reason_to_refuse(parts: Parts, found: PresentedKey | None, key: ApiKey) -> str | None:
    """Both hashes are compared whatever comes of the first: time tells nothing of them."""
    if found is None:
        return "unknown"
    is_current = key.matches(found.secret_hash, parts.secret)
    is_previous = key.matches(found.previous_hash or b"", parts.secret)
    if key.is_operator != (found.tenant_id == INSTALLATION):
        return "wrong_secret"
    return _reason_of_state(found, is_current, is_previous)


def _reason_of_state(found: PresentedKey, is_current: bool, is_previous: bool) -> str | None:
    if not (is_current or is_previous):
        return "wrong_secret"
    if found.is_revoked or found.is_expired:
        return "revoked" if found.is_revoked else "expired"
    if not (is_current or found.is_previous_valid):
        return "rotated"
    return None if found.tenant_status == "active" else f"tenant_{found.tenant_status}"
