"""Where a page ended, as text that only this installation can have written."""

import base64
import binascii
from typing import Any

import orjson

from app.errors import FieldError, Invalid
from app.signing import SIGNATURE_BYTES, Secret


def encode(secret: Secret, route: str, place: list[Any]) -> str:
    payload = orjson.dumps(place)
    return _text(secret.sign(f"cursor {route}", payload) + payload)


def decode(secret: Secret, route: str, cursor: str | None) -> list[Any] | None:
    """The place that a cursor of the same route names."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    except (binascii.Error, ValueError):
        raw = signature = payload = b""
    # The decoder overlooks strange characters and loose bits: only what was encoded here counts.
    if _text(raw) == cursor and secret.holds(f"cursor {route}", payload, signature):
        place: list[Any] = orjson.loads(payload)
        return place
    raise Invalid(
        "The cursor is not valid", [FieldError("cursor", "must be `next` of a page of this list")]
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
