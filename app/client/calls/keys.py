"""Who the key says you are, and the keys of a tenant."""

from collections.abc import Sequence
from typing import Any, Literal

from app.client import times
from app.client.answers import Key, Me, NewKey
from app.client.requests import Listing, Request, get, listing, make, remove
from app.client.times import Time

LIST = "/v1/keys"
Scope = Literal["read", "write", "admin"]


def get_me() -> Request[Me]:
    """Tenant, key, limits and use of the caller."""
    return get(Me, "/v1/me")


def create_key(
    name: str,
    scopes: Sequence[Scope],
    *,
    expires_at: Time | None = None,
    idempotency_key: str | None = None,
) -> Request[NewKey]:
    """Make a key; its `secret` is shown this once."""
    return make(NewKey, LIST, body(name, scopes, expires_at), idempotency_key)


def list_keys(*, limit: int | None = None) -> Listing[Key]:
    """The keys, revoked ones too."""
    return listing(Key, LIST, limit)


def revoke_key(key_id: str) -> Request[None]:
    """Let a key open nothing from now on."""
    return remove("/v1/keys/{key_id}", key_id=key_id)


def rotate_key(
    key_id: str, *, grace_s: int = 0, idempotency_key: str | None = None
) -> Request[NewKey]:
    """Give a key a new secret, shown this once; the one before works for the grace."""
    grace = {"grace_seconds": grace_s}
    return make(NewKey, "/v1/keys/{key_id}/rotate", grace, idempotency_key, key_id=key_id)


def body(name: str, scopes: Sequence[Scope], expires_at: Time | None) -> dict[str, Any]:
    end = {} if expires_at is None else {"expires_at": times.shown(expires_at, "expires_at")}
    return {"name": name, "scopes": list(scopes), **end}
