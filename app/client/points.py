"""Points as callers have them, as the service takes them."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, SupportsFloat

from app.client import times
from app.client.answers import Point
from app.client.times import Time

GivenValue = SupportsFloat | Mapping[str, SupportsFloat | None] | None
# (time, value), a mapping of `timestamp` and `value`, or a point that the service answered; of many
# series (series, time, value), or a mapping with `series` too.
GivenPoint = tuple[Time, GivenValue] | tuple[str, Time, GivenValue] | Mapping[str, Any] | Point
if TYPE_CHECKING:
    import pandas as pd

    GivenPoints = Iterable[GivenPoint] | pd.DataFrame | pd.Series[Any]
    Given = str | Path | bytes | BinaryIO | GivenPoints


def as_json(given: Any, name: str) -> dict[str, Any]:
    """One point; `name` is what an error calls it."""
    if isinstance(given, Point):
        given = (given.timestamp, given.value)
    if isinstance(given, tuple) and len(given) in (2, 3):
        keys = ("series", "timestamp", "value")
        given = dict(zip(keys[-len(given) :], given, strict=True))
    if not isinstance(given, Mapping):
        raise TypeError(f"{name} must be (time, value) or a mapping, not {given!r}")
    point = dict(given)
    if "timestamp" in point:
        point["timestamp"] = times.as_json(point["timestamp"], f"{name}.timestamp")
    if "value" in point:
        point["value"] = times.value_as_json(point["value"], f"{name}.value")
    return point


def all_as_json(given: "GivenPoints") -> Iterator[dict[str, Any]]:
    """Of an iterable or a frame; a frame's in the order of time."""
    from app.client import frames

    if frames.is_frame(given):
        return frames.points(given)
    if isinstance(given, Mapping | str | bytes):
        raise TypeError(
            f"The points must be a list or another iterable, not {type(given).__name__}"
        )
    return (as_json(point, f"points[{place}]") for place, point in enumerate(given))
