"""The loops behind the expected value: what each candidate says of the rows of a frame."""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled
from app.detection.lookup import seasonal
from app.detection.windows import median_of, rolling_medians, span_of

LAST, RECENT, SEASONAL = 0, 1, 2  # then two for each season: plain, and corrected by last errors
LONG = 0  # of the usual values; then one for each season
RECENT_POINTS = 12
LONG_POINTS = 192
CORRECTION_POINTS = 6
WILD_RANGES = 2.0  # so many ranges of the last points away, a value is no guess for the next


@compiled
def guess(
    times: Ints,
    offsets: Ints,
    values: Floats,
    first: int,
    interval_ns: int,
    seasons: Ints,
    chosen: Ints,
    bounds: Floats,
    answer: Floats,
) -> None:
    """Expected and usual values of all fields, values (d, rows), for the rows from `first` on, into
    answer (2, d, rows).

    seasons: (s, 2), length in ns and how many to look back; chosen: (2, d), which candidate is the
    expected and the usual value; bounds: (2, d), lowest and highest value of the training.
    """
    plain = np.empty(len(times) - first + CORRECTION_POINTS)
    for field in range(len(values)):
        x, kind, usual = values[field], chosen[0, field], chosen[1, field]
        own, limits = (times, offsets, x), (bounds[0, field], bounds[1, field])
        if usual == LONG:
            medians(times, x, first, LONG_POINTS, interval_ns, answer[1, field])
        else:
            _seasonal(*own, first - CORRECTION_POINTS, usual - 1, interval_ns, seasons, plain)
            answer[1, field] = plain[CORRECTION_POINTS:]
            _fill(times, x, first, LONG_POINTS, interval_ns, answer[1, field])
        if usual != LONG and (kind - SEASONAL) // 2 == usual - 1:
            _from_season(x, plain, first, kind, *limits, answer[0, field])
        else:
            candidate(*own, first, kind, interval_ns, seasons, *limits, answer[0, field])
        _fill(times, x, first, RECENT_POINTS, interval_ns, answer[0, field])


@compiled
def candidate(
    times: Ints,
    offsets: Ints,
    x: Floats,
    first: int,
    kind: int,
    interval_ns: int,
    seasons: Ints,
    lowest: float,
    highest: float,
    answer: Floats,
) -> None:
    """What one of the candidates expects of the rows of x from `first` on, into answer (rows,)."""
    if kind == RECENT:
        medians(times, x, first, RECENT_POINTS, interval_ns, answer)
    elif kind == LAST:
        _last(x, first, answer)
    else:
        plain, which = np.empty(len(answer) + CORRECTION_POINTS), (kind - SEASONAL) // 2
        begin = first - CORRECTION_POINTS
        _seasonal(times, offsets, x, begin, which, interval_ns, seasons, plain)
        _from_season(x, plain, first, kind, lowest, highest, answer)


@compiled
def _seasonal(
    times: Ints,
    offsets: Ints,
    x: Floats,
    first: int,
    which: int,
    interval_ns: int,
    seasons: Ints,
    answer: Floats,
) -> None:
    season_ns, number = seasons[which]
    seasonal(times, offsets, x, first, season_ns, interval_ns, number, answer)


@compiled
def _from_season(
    x: Floats,
    plain: Floats,
    first: int,
    kind: int,
    lowest: float,
    highest: float,
    answer: Floats,
) -> None:
    """What lies at this place of the season, plain from CORRECTION_POINTS before `first` on, or
    corrected by its last errors."""
    if (kind - SEASONAL) % 2 == 0:
        answer[:] = plain[CORRECTION_POINTS:]
    else:
        _corrected(x, plain, first, lowest, highest, answer)


@compiled
def medians(
    times: Ints, x: Floats, first: int, size: int, interval_ns: int, answer: Floats
) -> None:
    """Of so many points before each row from `first` on, into answer (rows,); NaN for none."""
    rolling_medians(times, x, first, size, span_of(size, interval_ns), answer)


@compiled
def _fill(times: Ints, x: Floats, first: int, size: int, interval_ns: int, guesses: Floats) -> None:
    """Where a guess is missing, the median of so many points before."""
    if not np.isnan(guesses).any():
        return
    fillers = np.empty(len(guesses))
    medians(times, x, first, size, interval_ns, fillers)
    for i in range(len(guesses)):
        if math.isnan(guesses[i]):
            guesses[i] = fillers[i]


@compiled
def _last(x: Floats, first: int, answer: Floats) -> None:
    """The last value; the one before it where the last was a wild one."""
    for row in range(first, len(x)):
        last, low, high = x[row - 1], math.inf, -math.inf
        for i in range(row - 1 - RECENT_POINTS, row - 1):
            if not math.isnan(x[i]):
                low, high = min(low, x[i]), max(high, x[i])
        width = WILD_RANGES * (high - low)
        is_wild = high >= low and (last > high + width or last < low - width)
        answer[row - first] = x[row - 2] if is_wild else last


@compiled
def _corrected(
    x: Floats, plain: Floats, first: int, lowest: float, highest: float, answer: Floats
) -> None:
    """The plain prediction and the median of its last errors, no further than the training or the
    last points went: a night is not below zero because the day was quiet."""
    found = np.empty(CORRECTION_POINTS)
    for row in range(first, len(x)):
        number, here = 0, row - first + CORRECTION_POINTS
        for i in range(1, CORRECTION_POINTS + 1):
            error = x[row - i] - plain[here - i]
            if not math.isnan(error):
                found[number] = error
                number += 1
        low, high = lowest, highest
        for i in range(row - RECENT_POINTS, row):
            if not math.isnan(x[i]):
                low, high = min(low, x[i]), max(high, x[i])
        correction = median_of(found, number) if number else 0.0
        answer[row - first] = min(max(plain[here] + correction, low), high)
        if math.isnan(plain[here]):
            answer[row - first] = math.nan
