"""What was measured at the same place of the seasons before, looked up by time.

By time and not by counting rows, so that a gap or a missing point shifts nothing; where the clock
on the wall rules the season, the same time of day is looked up across its changes.
"""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled
from app.detection.settings import UNITS_NS
from app.detection.windows import median_of

DAY_NS = UNITS_NS["d"]
REACH_POINTS = 6048  # how far back a season may lie: three weeks of points every five minutes
REPEATS_FIRST, REPEATS_LONGER = 5, 3
BEGINNING = np.iinfo(np.int64).min  # the time of a row before the first point
BESIDE = 1  # points on either side of the same place of an earlier season
SAMPLES_LEAST = 3


def repeats(season_ns: int, interval_ns: int, is_first: bool) -> int:
    """How many seasons to look back, at least one."""
    most = REPEATS_FIRST if is_first else REPEATS_LONGER
    return max(1, min(most, REACH_POINTS * interval_ns // season_ns))


@compiled
def clock(offset: int, season_ns: int) -> int:
    """What to add to a time for a season of such a length, where a clock on the wall adds so much.

    That clock rules days, weeks and shares of a day, and nothing else.
    """
    return offset if season_ns % DAY_NS == 0 or DAY_NS % season_ns == 0 else 0


@compiled
def place_in_season(time: int, offset: int, season_ns: int) -> int:
    """Nanoseconds since the season began, by a clock that is ahead of UTC by an offset."""
    return (time % season_ns + offset) % season_ns


@compiled
def waves(time: int, offset: int, season_ns: int) -> tuple[float, float]:
    """Where in the season a time stands: two triangular waves in [-1, 1].

    Triangles instead of sine and cosine: they are exact, and trees do not mind.
    """
    share = place_in_season(time, offset, season_ns) / season_ns
    quarter = (share + 0.25) % 1.0
    return 1 - 4 * abs(share - 0.5), 1 - 4 * abs(quarter - 0.5)


@compiled
def seasonal(
    times: Ints,
    offsets: Ints,
    x: Floats,
    first: int,
    season_ns: int,
    interval_ns: int,
    number: int,
    answer: Floats,
) -> None:
    """Median of what lies up to `number` seasons back and beside it, for each row from `first` on.

    Where a gap swallowed these, older ones serve, as far back as as many rows reach.
    offsets: (n,) ns, what a clock on the wall adds to each time; where it differs between a point
    and a season before, the same time of day is looked up. NaN with fewer than three samples.
    """
    found = np.empty((number + 1) * (2 * BESIDE + 1))
    period = max(1, round(season_ns / interval_ns))
    reach = number * period + 2
    for row in range(first, len(x)):
        count, oldest, k = 0, max(row - reach, 0), 0
        while k < number or count < SAMPLES_LEAST:
            k += 1
            wanted = times[row] - k * season_ns
            if wanted > times[row]:  # before the beginning of the clock
                break
            near = _nearest(times, wanted, row - k * period, oldest, row)
            before = near if times[near] <= wanted else near - 1
            if k > number and (before < oldest or times[before] == BEGINNING):
                break
            if k > number and wanted - times[before] > season_ns:  # in a gap
                k += (wanted - times[before]) // season_ns - 1
                continue
            shift = clock(offsets[row] - offsets[near], season_ns)
            for beside in range(-BESIDE, BESIDE + 1):
                time = wanted + shift + beside * interval_ns
                i = _nearest(times, time, near + beside, oldest, row)
                is_near = abs(times[i] - time) <= interval_ns // 2
                if is_near and i < row and not math.isnan(x[i]):
                    found[count] = x[i]
                    count += 1
        answer[row - first] = median_of(found, count) if count >= SAMPLES_LEAST else math.nan


@compiled
def _nearest(times: Ints, wanted: int, guess: int, low: int, high: int) -> int:
    """The index in [low, high] whose time is nearest to the wanted one; of two the earlier."""
    if low <= guess <= high and times[guess] == wanted:
        return guess
    start, stop = low, high
    while start < stop:
        middle = (start + stop) // 2
        if times[middle] < wanted:
            start = middle + 1
        else:
            stop = middle
    before = wanted - times[start - 1] if start > low else -1  # below 0 past the clock's beginning
    return start - 1 if 0 <= before <= times[start] - wanted else start
