"""Times and durations as Prometheus takes them, in whole milliseconds."""

import math
import re

from app.ingest.timestamps import parse_timestamp

UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Each unit once, the larger before the smaller.
DURATION = re.compile("".join(rf"(?:(\d{{1,15}}){unit})?" for unit in UNITS_MS))
MOST_MS = 1 << 53


def parse_duration_ms(text: str) -> int:
    """`1h30m`, or seconds; raises ValueError. Negative ones are none."""
    found = DURATION.fullmatch(text)
    if text and found:
        counts = zip(found.groups(), UNITS_MS.values(), strict=True)
        duration_ms = sum(int(count) * unit_ms for count, unit_ms in counts if count)
        if duration_ms > MOST_MS:
            raise ValueError("is too long")
        return duration_ms
    return _seconds(text, "must be a duration such as 15s or 1h30m, or seconds")


def parse_time_ms(text: str) -> int:
    """Seconds since 1970, or RFC 3339; raises ValueError."""
    if re.match(r"\d{4}-", text):
        return parse_timestamp(text) // 1_000_000
    return _seconds(text, "must be seconds since 1970, or RFC 3339")


def _seconds(text: str, otherwise: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(otherwise) from None
    if not math.isfinite(seconds) or abs(seconds) * 1000 > MOST_MS:
        raise ValueError(otherwise)
    return round(seconds * 1000)
