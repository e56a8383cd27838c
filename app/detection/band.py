"""Between which values a normal point lies: a band whose width follows the noise.

The past errors of the expected value are out of sample, for it only knows the past. Divided by how
large errors are at such a time they are alike, and a quantile of theirs times that size is the
distance for the next point: quiet nights have a narrower band than busy days. How large errors are
is the mean of two: of the last points, and of this place in the season in training.

Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, Distribution-free predictive inference for
regression, JASA 2018, section 5.2 (locally weighted split conformal); the size is our own, measured
on the Numenta Anomaly Benchmark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled
from app.detection.frame import Frame
from app.detection.lookup import clock, place_in_season
from app.detection.trailing import CAP

OUTSIDE = 0.0075  # share of normal points left outside, on both sides together
PLACES_MOST = 168  # the hours of a week
PLACE_POINTS = 32  # so many training points for each place, or fewer places
PRIOR_POINTS = 8.0  # beside its own errors a place has so many of the mean size
SIZE_LEAST = 1e-2  # errors that small are none
BOUND = 1e308


@dataclass(frozen=True, eq=False)
class Band:
    """How far from the expected value the normal points of d fields go.

    places: (d, p), mean size of the errors at each of p places in the season, in spreads of the
    residuals; one place without a season. factors: (2, d) in the field's unit, times the size to be
    added to the expected value for lower and upper; NaN where nothing was expected.
    """

    places: Floats
    factors: Floats

    @classmethod
    def of(cls, errors: Floats, recent: Floats, spread: Floats, place: Ints, places: int) -> Band:
        """Measure the errors of the training, (d, n) in the field's unit, NaN missing.

        recent: (d, n), sizes of the errors just before; spread: (d,), of the errors in the field's
        unit; place: (n,), where in the season, from 0 up to below `places`.
        """
        with np.errstate(over="ignore"):
            sizes = np.minimum(np.abs(errors) / spread[:, None], CAP)
        by_place = np.stack([_by_place(row, place, places) for row in sizes])
        band = cls(by_place, np.zeros((2, len(errors))))
        relative = np.clip(errors, -BOUND * SIZE_LEAST, BOUND * SIZE_LEAST) / band.size(
            recent, place
        )
        factors = np.array([_quantiles(row[~np.isnan(row)]) for row in relative])
        return cls(by_place, np.ascontiguousarray(factors.T))

    def size(self, recent: Floats, place: Ints) -> Floats:
        """How large errors are, (d, n), from the sizes just before, NaN for none, and the place."""
        answer = np.empty(recent.shape)
        _size(self.places, place, recent, answer)
        return answer


def places_for(n: int, period_points: int) -> int:
    """How many places of a season are told apart, after a training of n points."""
    return max(1, min(PLACES_MOST, period_points, n // PLACE_POINTS))


def place_of(frame: Frame, season_ns: int, places: int) -> Ints:
    """Where in the season each point to judge stands, (n,) from 0 up to below `places`."""
    answer = np.empty(len(frame), np.int64)
    stand(frame.times, frame.offsets, season_ns, places, answer)
    return answer


@compiled
def stand(times: Ints, offsets: Ints, season_ns: int, places: int, answer: Ints) -> None:
    """Into answer (n,) the place of the last n times; offsets: what a clock on the wall adds."""
    first, width_ns = len(times) - len(answer), -(-season_ns // places)
    for i in range(len(answer)):
        answer[i] = 0
        if season_ns > 0:
            ahead = clock(offsets[first + i], season_ns)
            answer[i] = place_in_season(times[first + i], ahead, season_ns) // width_ns


@compiled
def _size(places: Floats, place: Ints, recent: Floats, answer: Floats) -> None:
    for field in range(len(answer)):
        for i in range(answer.shape[1]):
            answer[field, i] = _size_at(places[field, place[i]], recent[field, i])


@compiled
def _size_at(here: float, before: float) -> float:
    mean = here if math.isnan(before) else (before + here) / 2
    return max(mean, SIZE_LEAST)


@compiled
def surround(
    expected: Floats,
    places: Floats,
    place: Ints,
    recent: Floats,
    factors: Floats,
    lower: Floats,
    upper: Floats,
) -> None:
    """Into lower and upper, (d, n), the band around what is expected."""
    for field in range(len(expected)):
        for i in range(expected.shape[1]):
            size = _size_at(places[field, place[i]], recent[field, i])
            lower[field, i] = _edge(expected[field, i], factors[0, field] * size)
            upper[field, i] = _edge(expected[field, i], factors[1, field] * size)


@compiled
def _edge(expected: float, away: float) -> float:
    edge = expected + away
    return math.nan if math.isnan(edge) else min(max(edge, -BOUND), BOUND)


def _by_place(sizes: Floats, place: Ints, places: int) -> Floats:
    """The mean size at each place, (places,), drawn to the mean of all where there are few."""
    is_there = ~np.isnan(sizes)
    mean = float(np.mean(sizes[is_there])) if is_there.any() else 1.0
    number = np.bincount(place[is_there], minlength=places)
    total = np.bincount(place[is_there], weights=sizes[is_there], minlength=places)
    return np.asarray((total + PRIOR_POINTS * mean) / (number + PRIOR_POINTS))


def _quantiles(relative: Floats) -> tuple[float, float]:
    """The rank counts the point to come among the others, as conformal prediction does."""
    if not len(relative):
        return np.nan, np.nan
    ordered = np.sort(relative)
    outside = int(len(ordered) * OUTSIDE / 2)
    return min(0.0, float(ordered[outside])), max(0.0, float(ordered[-1 - outside]))
