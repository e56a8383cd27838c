"""Sessions of the console: begun with a key, good for what the key is good for, and no longer.

A cookie's text is `<id>.<secret>`. Each look at a session looks at its key too: one that is
revoked, rotated or expired takes its sessions along.
"""

import re
import secrets
from contextlib import suppress
from uuid import UUID

from app.actions import admission
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.errors import Unavailable
from app.store import audit, sessions
from app.store.audit import Actor
from app.store.sessions import Session

FORM = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
SECRET_BYTES = 32


def begin(parts: Parts, caller: Caller, key: ApiKey, *, by: Actor) -> str:
    """-> the cookie's text."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key_hash = key.hashed(parts.secret)
    with parts.database.tenant(caller.tenant_id) as connection:
        hashed = _hashed(parts, secret)
        session_id = sessions.add(connection, caller.tenant_id, key.id, key_hash, hashed)
        audit.add(connection, caller.tenant_id, by, "session.begun", key.id)
    return f"{session_id.hex}.{secret}"


def recognise(parts: Parts, text: str) -> tuple[Caller, Session] | None:
    """Who signed in; None where the session is over, or its key opens nothing any more."""
    form = FORM.fullmatch(text)
    if form is None:
        return None
    with parts.database.plain() as connection:
        found = sessions.presented(connection, UUID(form[1]))
    if found is None or not _is_token_of(parts, found, form[2]):
        return None
    caller = admission.recognise_hashed(parts, found.key_id, found.key_hash)
    if caller is not None and found.is_use_stale:
        # A database that takes no writes can be read all the same.
        with suppress(Unavailable), parts.database.tenant(found.tenant_id) as connection:
            sessions.note_use(connection, found)
    return None if caller is None else (caller, found)


def renewed(parts: Parts, session: Session) -> str | None:
    """Another text for the cookie, once an hour: one that was stolen does not last."""
    if not session.is_renewal_due:
        return None
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with parts.database.tenant(session.tenant_id) as connection:
        is_mine = sessions.renew(connection, session, _hashed(parts, secret))
    return f"{session.id.hex}.{secret}" if is_mine else None


def end(parts: Parts, session: Session, *, by: Actor) -> None:
    with parts.database.tenant(session.tenant_id) as connection:
        sessions.remove(connection, session)
        audit.add(connection, session.tenant_id, by, "session.ended", session.key_id)


def csrf_token(parts: Parts, session: Session) -> str:
    """What only a page of ours can know: another site's page sends the cookie, but not this."""
    return parts.secret.sign("csrf", session.id.bytes).hex()


def holds_csrf_token(parts: Parts, session: Session, given: str) -> bool:
    try:
        return parts.secret.holds("csrf", session.id.bytes, bytes.fromhex(given))
    except ValueError:
        return False


def _hashed(parts: Parts, secret: str) -> bytes:
    return parts.secret.sign("session", secret.encode())


def _is_token_of(parts: Parts, session: Session, secret: str) -> bool:
    """Both hashes are compared whatever comes of the first: time tells nothing of them."""
    given = secret.encode()
    is_current = parts.secret.holds("session", given, session.token_hash)
    is_previous = parts.secret.holds("session", given, session.previous_hash or b"")
    return is_current or is_previous
