"""From strangeness to the evidence of points, and what else is answered of them, in one loop.

To hand arrays over to machine code takes longer than all that it does for a single point. So it is
called once, for what a verdict consists of.
"""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.band import stand, surround
from app.detection.calibration import fold
from app.detection.compiled import compiled
from app.detection.evidence import SCORE, STRENGTH, add_course, combine, share
from app.detection.novelty import beyond, range_before
from app.detection.shape import evidence_of_course

NOVELTY, LOWER, UPPER, LOWEST, HIGHEST = range(5)  # of what is found of each field


@compiled
def weigh(
    strangeness: Floats,
    knots: Floats,
    decade: Floats,
    points_of: Ints,
    excess: Floats,
    channels: Floats,
    times: Ints,
    offsets: Ints,
    values: Floats,
    lowest: Floats,
    highest: Floats,
    least_novelty: float,
    guesses: Floats,
    recent: Floats,
    season_ns: int,
    places: Floats,
    factors: Floats,
    fields: Floats,
    joints: int,
    joint_parts: Floats,
    counts: Flags,
    by_chance: float,
    most: float,
    joint_most: float,
    trust: float,
    discount: float,
    told: Floats,
    contributions: Floats,
    place: Ints,
) -> None:
    """Of strangeness (channels, n); the other arrays as the parts say that they are handed to.

    values: (d, lookback + n). guesses: (2, d, rows), the last n are those of the points. trust: 0
    without a course. Into channels (2, channels, n) goes the evidence, into fields (5, d, n) what
    the names above say; into told (2, n) the evidence for score and strength, contributions (n, d),
    and place (n,), which of `verdict.PLAINLY`. There is no evidence, and there are no
    contributions, where all values are missing.
    """
    n, last = strangeness.shape[1], guesses.shape[2]
    judged, expected = values[:, values.shape[1] - n :], guesses[0, :, last - n :]
    fold(knots, decade, points_of, strangeness, excess, channels)
    own = (lowest, highest, fields[LOWEST], fields[HIGHEST])
    range_before(values, values.shape[1] - n, *own)
    beyond(judged, fields[LOWEST], fields[HIGHEST], least_novelty, fields[NOVELTY])
    stand(times, offsets, season_ns, places.shape[1], place)
    surround(expected, places, place, recent, factors, fields[LOWER], fields[UPPER])
    points, is_joint, novelty = np.empty((2, n)), np.zeros(n, np.bool_), fields[NOVELTY]
    combine(channels, joints, novelty, counts, by_chance, most, joint_most, points, is_joint)
    share(channels[SCORE], novelty, joint_parts, is_joint, contributions)
    if trust > 0:
        courses = np.empty((2, n))
        evidence_of_course(channels, courses)
        add_course(points, courses, trust, told)
    else:
        told[:] = points
    _settle(judged, fields, discount, told, contributions, place)


@compiled
def _settle(
    values: Floats,
    fields: Floats,
    discount: float,
    told: Floats,
    contributions: Floats,
    place: Ints,
) -> None:
    """Take away what stands on nothing, and the discount; and say what a point is."""
    for i in range(len(place)):
        is_there = is_outside = False
        for field in range(len(values)):
            x = values[field, i]
            is_there |= not math.isnan(x)
            is_outside |= x < fields[LOWER, field, i] or x > fields[UPPER, field, i]
        told[SCORE, i] = told[SCORE, i] if is_there else 0.0
        told[STRENGTH, i] = max((told[STRENGTH, i] if is_there else 0.0) - discount, 0.0)
        place[i] = (2 if is_outside else 1) if is_there else 0
        for field in range(len(values)):
            contributions[i, field] = contributions[i, field] if is_there else 0.0
