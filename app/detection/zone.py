"""What a clock on the wall adds to UTC, in the time zones of the IANA database.

The database is the one of the `tzdata` package, which the lock file pins, and not that of the
machine: the same everywhere. A model carries the changes of its zone, and so judges by what was
known when it was trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import numpy as np

from app import zones
from app.detection.arithmetic import Ints

SECOND_NS = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_S, LAST_S = -2_208_988_800, 4_102_444_800  # 1900 and 2100: beyond them no clock is changed
LOOK_S = 7 * 86_400  # no zone changes its clocks and changes them back within a week
OFFSET_MOST_NS = 86_400 * SECOND_NS


@dataclass(frozen=True, eq=False)
class Zone:
    """The clock changes of a time zone.

    starts: (k,) int64 UTC ns, ascending, the first is the beginning of the clock; offsets: (k,)
    int64 ns, what is added to UTC from each start on, positive east of Greenwich.
    """

    starts: Ints
    offsets: Ints

    def __post_init__(self) -> None:
        for array in (self.starts, self.offsets):  # of one kind, as compiled loops are
            array.setflags(write=False)

    @classmethod
    def named(cls, name: str) -> Zone:
        """The zone with an IANA name such as "Europe/Berlin"; raises ValueError for other names."""
        return _zone(zones.checked_name(name))

    def offsets_at(self, times: Ints) -> Ints:
        """What is added to each time, (n,) int64 ns; times: (n,) UTC ns, ascending."""
        if len(self.starts) == 1:
            return np.full(len(times), self.offsets[0])
        edges = np.searchsorted(times, self.starts)
        return np.repeat(self.offsets, np.diff(edges, append=len(times)))

    @property
    def is_sound(self) -> bool:
        """Whether starts and offsets are what they promise."""
        begins = len(self.starts) > 0 and int(self.starts[0]) == np.iinfo(np.int64).min
        fits = self.starts.shape == self.offsets.shape
        is_near = bool(
            np.all(np.clip(self.offsets, -OFFSET_MOST_NS, OFFSET_MOST_NS) == self.offsets)
        )
        return begins and fits and is_near and bool(np.all(self.starts[1:] > self.starts[:-1]))


@lru_cache(maxsize=64)
def _zone(name: str) -> Zone:
    clock = zones.clock(name)
    starts, offsets = [np.iinfo(np.int64).min], [_offset_s(clock, FIRST_S) * SECOND_NS]
    for left in range(FIRST_S, LAST_S, LOOK_S):
        right = min(left + LOOK_S, LAST_S)
        offset_ns = _offset_s(clock, right) * SECOND_NS
        if offset_ns != offsets[-1]:
            starts.append(_change_s(clock, left, right) * SECOND_NS)
            offsets.append(offset_ns)
    return Zone(np.array(starts, np.int64), np.array(offsets, np.int64))


def _change_s(clock: tzinfo, left: int, right: int) -> int:
    """The first second in (left, right] with the offset of the right one, where it changes once."""
    wanted = _offset_s(clock, right)
    while right - left > 1:
        middle = (left + right) // 2
        if _offset_s(clock, middle) == wanted:
            right = middle
        else:
            left = middle
    return right


def _offset_s(clock: tzinfo, second: int) -> int:
    offset = (EPOCH + timedelta(seconds=second)).astimezone(clock).utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0


UTC_ZONE = Zone(np.array([np.iinfo(np.int64).min]), np.zeros(1, np.int64))
