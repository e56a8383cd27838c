"""Points of a JSON body as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.api.bodies import Point, PointOfSeries


@dataclass(frozen=True)
class Table:
    """times (n,) ns; values (n, c), NaN where missing or not named; series (n,) or empty."""

    times: NDArray[np.int64]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    series: NDArray[np.object_]


def table(points: Sequence[Point]) -> Table:
    if len(points) == 1:
        return _of_one(points[0])
    times = np.fromiter((point.timestamp for point in points), np.int64, len(points))
    columns = _columns(points)
    values = np.full((len(points), len(columns)), np.nan)
    for row, point in enumerate(points):
        given = point.value if isinstance(point.value, dict) else {"value": point.value}
        for name, number in given.items():
            if number is not None:
                values[row, columns[name]] = number
    names = [point.series for point in points if isinstance(point, PointOfSeries)]
    return Table(times, tuple(columns), values, np.array(names, object))


def _of_one(point: Point) -> Table:
    """The same without what many take: most requests have one."""
    given = point.value if isinstance(point.value, dict) else {"value": point.value}
    numbers = [np.nan if number is None else number for number in given.values()]
    names = [point.series] if isinstance(point, PointOfSeries) else []
    return Table(
        np.array([point.timestamp], np.int64),
        tuple(given),
        np.array([numbers], np.float64),
        np.array(names, object),
    )


def _columns(points: Sequence[Point]) -> dict[str, int]:
    names: dict[str, None] = {}
    for point in points:
        names.update(dict.fromkeys(point.value if isinstance(point.value, dict) else ["value"]))
    return {name: place for place, name in enumerate(names)}
