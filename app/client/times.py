"""Times and values as the service takes them."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

Time = datetime | date | str | int
"""Without a zone it is UTC; integers are since 1970, in seconds or finer, told by their size."""


def shown(time: Time | None, name: str) -> str | int | None:
    """As RFC 3339; text and integers are left for the service to read."""
    return None if time is None else as_json(time, name)


def as_json(time: Any, name: str) -> str | int:
    if type(time) is int or isinstance(time, str):
        return time
    if isinstance(time, datetime):
        aware = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        return aware.isoformat().replace("+00:00", "Z")
    if isinstance(time, date):
        return time.isoformat()
    if isinstance(time, Integral) and time is not True and time is not False:
        return int(time)
    raise TypeError(f"{name} must be a datetime, RFC 3339 text or an integer, not {time!r}")


def value_as_json(value: Any, name: str) -> Any:
    """A number, None where it is missing, or such for each field; NaN is missing too."""
    if isinstance(value, Mapping):
        return {str(field): _number(one, f"{name}.{field}") for field, one in value.items()}
    return _number(value, name)


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, float | int | Real | Decimal):
        raise TypeError(f"{name} must be a number or None, not {value!r}")
    number = float(value)
    if math.isinf(number):
        raise ValueError(f"{name} must be finite, not {value!r}")
    return None if math.isnan(number) else number
