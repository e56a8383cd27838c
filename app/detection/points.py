"""The points of a series, checked once at the door."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats, Ints
from app.errors import FieldError, Invalid

FIELDS_MAX = 64
ERRORS_SHOWN = 100


@dataclass(eq=False, slots=True)
class Points:
    """Points of one series in time order; arrays are read-only. Make them with `Points.checked`.

    times: (n,) int64, nanoseconds since 1970 in UTC, strictly increasing.
    values: (n, d) float64 in the unit of the series, d from 1 to 64; NaN is missing, never inf.
    """

    times: Ints
    values: Floats

    @classmethod
    def checked(cls, times: npt.ArrayLike, values: npt.ArrayLike) -> Points:
        """A copy of what is given, once it holds what `Points` promises; else raises `Invalid`.

        times: (n,) integers; values: (n, d), or (n,) for a single field.
        """
        t, v = np.asarray(times), np.asarray(values)
        v = v[:, None] if v.ndim == 1 else v
        _refuse_wrong_shape(t, v)
        t, v = t.astype(np.int64), v.astype(np.float64)
        errors = [*_infinite(v), *_not_increasing(t)]
        if errors:
            raise Invalid("Some points are not valid", errors[:ERRORS_SHOWN])
        return cls._sealed(t, v)

    @classmethod
    def empty(cls, fields: int) -> Points:
        """No points yet, of a series with so many fields."""
        return cls._sealed(np.empty(0, np.int64), np.empty((0, fields)))

    @classmethod
    def _sealed(cls, times: Ints, values: Floats) -> Points:
        t = np.array(times, order="C")
        v = np.array(values, order="C") + 0.0  # -0.0 becomes 0.0: sorting leaves their order open
        return cls.sealed(t, v)

    @classmethod
    def sealed(cls, times: Ints, values: Floats) -> Points:
        """Around arrays that hold what `Points` promises; they become read-only."""
        times.setflags(write=False)
        values.setflags(write=False)
        return cls(times, values)

    @property
    def fields(self) -> int:
        """d, how many values a point has."""
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, span: slice) -> Points:
        if span.step not in (None, 1):
            raise ValueError("points can be cut, not thinned or reversed")
        return Points(self.times[span], self.values[span])

    def append(self, other: Points) -> Points:
        """These points and then the others, which must be later and have as many fields."""
        self.refuse_unless_followed(other)
        return Points.sealed(
            np.concatenate([self.times, other.times]), np.concatenate([self.values, other.values])
        )

    def refuse_unless_followed(self, other: Points) -> None:
        """Raise `Invalid` for points that are not later, or have another number of fields."""
        if other.fields != self.fields:
            raise Invalid(f"A point of this series has {self.fields} values, not {other.fields}")
        if len(self) and len(other) and other.times[0] <= self.times[-1]:
            message = "must be later than the points before it"
            raise Invalid(
                "Points must follow in time", [FieldError("points[0].timestamp", message)]
            )


def _refuse_wrong_shape(times: npt.NDArray[np.generic], values: npt.NDArray[np.generic]) -> None:
    if times.ndim != 1 or values.ndim != 2 or len(times) != len(values):
        raise Invalid(f"{times.shape} times do not fit {values.shape} values")
    if times.dtype.kind not in "iu" and len(times):
        raise Invalid("times must be integers, nanoseconds since 1970")
    if times.dtype.kind == "u" and len(times) and times.max() > np.iinfo(np.int64).max:
        raise Invalid("times must be below 2^63 nanoseconds")
    if values.dtype.kind not in "iufb" and len(values):
        raise Invalid("values must be numbers")
    if not 1 <= values.shape[1] <= FIELDS_MAX:
        raise Invalid(f"a point has 1 to {FIELDS_MAX} values, not {values.shape[1]}")


def _infinite(values: Floats) -> list[FieldError]:
    single = values.shape[1] == 1
    return [
        FieldError(f"points[{i}].value" if single else f"points[{i}].value[{j}]", "must be finite")
        for i, j in np.argwhere(np.isinf(values))[:ERRORS_SHOWN].tolist()
    ]


def _not_increasing(times: Ints) -> list[FieldError]:
    return [
        FieldError(f"points[{i + 1}].timestamp", "must be later than the point before it")
        for i in np.flatnonzero(times[1:] <= times[:-1])[:ERRORS_SHOWN].tolist()
    ]
