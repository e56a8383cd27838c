"""Where a page ended, as text that only this installation can have written."""

import base64
import binascii
from typing import Any

import orjson

from app.errors import FieldError, Invalid
from app.signing import Secret

SIGNATURE_BYTES = 12  # enough against guessing a place in one's own list


def encode(secret: Secret, route: str, place: list[Any]) -> str:
    payload = orjson.dumps(place)
    signature = secret.sign(f"cursor {route}", payload)[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature + payload).decode().rstrip("=")


def decode(secret: Secret, route: str, cursor: str | None) -> list[Any] | None:
    """The place that a cursor of the same route names."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if secret.sign(f"cursor {route}", payload)[:SIGNATURE_BYTES] == signature:
            place: list[Any] = orjson.loads(payload)
            return place
    except (binascii.Error, ValueError):
        pass
    raise Invalid(
        "The cursor is not valid", [FieldError("cursor", "must be `next` of a page of this list")]
    )
