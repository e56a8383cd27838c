"""Ids that sort by time, so that rows stay near their kin.

Of most things by when they were made (UUID version 7, RFC 9562). Events are named by what they are
(ULID, github.com/ulid/spec): the time they began at, and a hash where random bits would be, so that
a request that is tried again makes the same event.
"""

import hashlib
import re
import secrets
import time
from uuid import UUID

NS_PER_MS = 1_000_000
ULID_HASH_BYTES = 10
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID = re.compile(rf"[0-7][{CROCKFORD}]{{25}}")


def new_id() -> UUID:
    """What one process makes one after the other sorts so: the clock goes on below the millisecond
    (RFC 9562, 6.2, method 3)."""
    milliseconds, rest_ns = divmod(time.time_ns(), NS_PER_MS)
    high = (milliseconds << 16) | (0x7 << 12) | (rest_ns * 4_096 // NS_PER_MS)
    low = (0b10 << 62) | secrets.randbits(62)
    return UUID(int=(high << 64) | low)


def event_id(tenant_id: UUID, series_id: UUID, start_ns: int) -> UUID:
    """Of the event that begins at this time; times before 1970 sort as 1970."""
    identity = tenant_id.bytes + series_id.bytes + start_ns.to_bytes(8, "big", signed=True)
    digest = hashlib.blake2b(identity, digest_size=ULID_HASH_BYTES).digest()
    milliseconds = max(start_ns // NS_PER_MS, 0)
    return UUID(int=(milliseconds << 80) | int.from_bytes(digest, "big"))


def ulid(of: UUID) -> str:
    """The same 128 bits as 26 characters, of which the first ones sort by time."""
    return "".join(CROCKFORD[of.int >> shift & 31] for shift in range(125, -1, -5))


def from_ulid(text: str) -> UUID | None:
    """None where the text is no ULID."""
    if not ULID.fullmatch(text.upper()):
        return None
    number = 0
    for character in text.upper():
        number = number << 5 | CROCKFORD.index(character)
    return UUID(int=number)
