"""What a stream carries from point to point, so that nothing is worked out twice.

Of the rows that verdicts look back on: times and values as the loops want them, the expected and
the usual value, the course. All of it follows from the last points, and only saves time: states
without a trail, as they come from a cache or a database, get theirs from the points.

Rows are only ever added, behind those that a state can see. Two futures of one state do not meet:
the second finds the rows taken, and goes on in a copy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.calibration import MEMORY_POINTS
from app.detection.compiled import compiled
from app.detection.discord import Measure, Past, Rows, followed, opened, reopen
from app.detection.frame import BLOCK_ROWS, VALUE_BOUND, Frame
from app.detection.model import Model
from app.detection.nearest import Whole
from app.detection.points import Points
from app.errors import Invalid

SPARE_ROWS = 1024  # so seldom is everything copied to a new room
BEFORE_ALL = np.iinfo(np.int64).min


@dataclass(eq=False, slots=True)
class Stretch:
    """Points to judge, and what was worked out of them and of the past.

    frame: with the model's lookback. guesses: (2, d, rows) expected and usual values of its last
    rows, as many as `features.seen` needs. distances: (CHANNELS, n) of the course, (0, n) where
    history does not repeat itself.
    """

    frame: Frame
    guesses: Floats
    distances: Floats

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(eq=False)
class _Room:
    """Rows, and from which of them on they are `free`. given: values as they came, (rows, d)."""

    times: Ints
    given: Floats
    offsets: Ints
    values: Floats
    guesses: Floats
    course: Rows | None
    free: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, rows: int, model: Model) -> _Room:
        return cls(
            times=np.empty(rows, np.int64),
            given=np.empty((rows, model.fields)),
            offsets=np.empty(rows, np.int64),
            values=np.empty((model.fields, rows)),
            guesses=np.empty((2, model.fields, rows)),
            course=Rows.room_for(rows) if model.shape else None,
        )

    def claim(self, begin: int, end: int) -> bool:
        """Whether the rows are still free; then they are taken."""
        if end > len(self.times):
            return False
        try:
            self.free.remove(begin)  # one step for the interpreter: of two threads one fails
        except ValueError:
            return False
        self.free.append(end)
        return True

    def put(self, model: Model, points: Points, begin: int) -> None:
        """Write down points from a row on."""
        end, zone = begin + len(points), model.zone
        self.times[begin:end], self.given[begin:end] = points.times, points.values
        clock = (self.times, zone.starts, zone.offsets, self.offsets)
        _put(*clock, self.given, model.scale.is_known, begin, end, self.values)

    def frame(self, begin: int, end: int, lookback: int) -> Frame:
        span = slice(begin - lookback, end)
        values = np.ascontiguousarray(self.values[:, span])
        return Frame(self.times[span], self.offsets[span], values, lookback)

    def take(self, other: _Room, span: slice) -> None:
        """The rows of another room as the first of this."""
        n = span.stop - span.start
        for name in ("times", "offsets", "values", "guesses"):
            getattr(self, name)[..., :n] = getattr(other, name)[..., span]
        self.given[:n] = other.given[span]
        if self.course is not None and other.course is not None:
            self.course.take(other.course, span)
        self.free.append(n)


@compiled
def _put(
    times: Ints,
    starts: Ints,
    changes: Ints,
    offsets: Ints,
    given: Floats,
    is_known: Flags,
    begin: int,
    end: int,
    values: Floats,
) -> None:
    """Of the rows from begin to end, offsets as of `Zone` and values as written in `Frame`."""
    after = np.searchsorted(starts, times[begin], side="right") if begin < end else 0
    for row in range(begin, end):
        while after < len(starts) and starts[after] <= times[row]:
            after += 1
        offsets[row] = changes[after - 1]
        for kind in range(len(values)):
            x = min(max(given[row, kind], -VALUE_BOUND), VALUE_BOUND)
            is_there = is_known[kind] and not math.isnan(given[row, kind])
            values[kind, row] = x if is_there else math.nan


@dataclass(eq=False, slots=True)
class Trail:
    """What a model made of the rows of a room before `end`; the first `absent` come before the
    series. products: of the course, as of `discord.opened`."""

    model: Model
    room: _Room
    end: int
    absent: int
    products: Whole | None

    @classmethod
    def after(cls, model: Model, recent: Points) -> Trail:
        """The trail of a stream whose last points are these; no more are looked at than needed."""
        if recent.fields != model.fields:
            raise Invalid(
                f"The model was trained on {model.fields} values a point, not {recent.fields}"
            )
        lookback, by = model.lookback_points, model.yardstick
        known = recent[max(0, len(recent) - _kept(model)) :]
        absent, end = max(0, lookback - len(known)), max(lookback, len(known))
        room = _Room.of(end + SPARE_ROWS, model)
        room.times[:absent], room.values[:, :absent] = BEFORE_ALL, np.nan
        room.offsets[:absent] = model.zone.offsets[0]
        room.put(model, known, absent)
        room.free.append(end)
        rows = by.spans.of_residuals
        room.guesses[:, :, end - rows : end] = by.predictor.guesses(
            room.frame(end, end, lookback), lookback - rows
        )
        products = None
        if room.course is not None:
            products = opened(room.course, *_course(model, room), end)
        return cls(model, room, end, absent, products)

    @property
    def recent(self) -> Points:
        """The last points, as many as a state needs; read-only."""
        span = slice(max(self.absent, self.end - _kept(self.model)), self.end)
        return Points.sealed(self.room.times[span], self.room.given[span])

    def followed(self, points: Points) -> tuple[Stretch, Trail]:
        """The points, which must follow, and the trail after them."""
        model, lookback, begin = self.model, self.model.lookback_points, self.end
        end = begin + len(points)
        if not self.room.claim(begin, end):
            return self._moved(len(points)).followed(points)
        room = self.room
        room.put(model, points, begin)
        frame = room.frame(begin, end, lookback)
        room.guesses[:, :, begin:end] = model.predictor.guesses(frame, lookback)
        rows = begin - model.yardstick.reaches[0]
        if room.course is None or self.products is None:
            distances, products = np.empty((0, len(points))), None
        else:
            by, past = _course(model, room)
            distances, _, products = followed(
                room.course, by, past, range(begin, end), self.products
            )
        known = np.ascontiguousarray(room.guesses[:, :, rows:end])
        stretch = Stretch(frame, known, distances)
        return stretch, Trail(model, room, end, self.absent, products)

    def _moved(self, rows: int) -> Trail:
        """The same in a room of its own, with place for so many rows and some to spare."""
        begin = max(0, self.end - _kept(self.model))
        end = self.end - begin
        room = _Room.of(end + rows + SPARE_ROWS, self.model)
        room.take(self.room, slice(begin, self.end))
        if room.course is not None:
            reopen(room.course, *_course(self.model, room), end)
        return Trail(self.model, room, end, max(0, self.absent - begin), self.products)


def pieces(points: Points) -> Iterator[Points]:
    """The same points in pieces of bounded size."""
    rows = max(64, BLOCK_ROWS // points.fields)
    if 0 < len(points) <= rows:
        yield points
        return
    for start in range(0, len(points), rows):
        yield points[start : start + rows]


def _kept(model: Model) -> int:
    return model.lookback_points + MEMORY_POINTS


def _course(model: Model, room: _Room) -> tuple[Measure, Past]:
    assert model.measure is not None
    return model.measure, Past(room.values[0], room.times, room.offsets)
