"""The unit in which uploads travel: some tens of thousands of checked rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import RowError


@dataclass(frozen=True, eq=False)
class Chunk:
    """Valid rows of one span of an upload, and what is wrong with the others.

    rows: int64 (n,), the line on which each row begins, ascending; the first line is 1 (in CSV the
        header). For points of a JSON array: index + 1.
    series: object (n,), the name of each row's series; None where the upload is for one series.
    times: int64 (n,), UTC nanoseconds, multiples of 1000, in the order of the input.
    columns: the names of the c fields.
    values: float64 (n, c), finite, or NaN where missing.
    errors: one for each row of the span that is not valid, ascending by row; those rows are in
        none of the arrays.
    received: rows read, bad ones included: n + len(errors).
    """

    rows: NDArray[np.int64]
    series: NDArray[np.object_] | None
    times: NDArray[np.int64]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    errors: tuple[RowError, ...]
    received: int


def objects(items: Sequence[Any]) -> NDArray[np.object_]:
    """The items as they are in an array of objects (n,), whatever their type."""
    array = np.empty(len(items), dtype=np.object_)
    array[:] = items
    return array


def join(parts: Sequence[Chunk]) -> Chunk:
    """One chunk of several (one at least) that follow each other and have the same columns."""
    first = parts[0]
    if len(parts) == 1:
        return first
    names = [part.series for part in parts if part.series is not None]
    return Chunk(
        rows=np.concatenate([part.rows for part in parts]),
        series=np.concatenate(names) if names else None,
        times=np.concatenate([part.times for part in parts]),
        columns=first.columns,
        values=np.concatenate([part.values for part in parts]),
        errors=tuple(error for part in parts for error in part.errors),
        received=sum(part.received for part in parts),
    )
