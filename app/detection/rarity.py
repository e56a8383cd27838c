"""How strange is usual for fields together: as the history shows it, but no stricter than theory.

By theory deviations are normal: T^2 of d fields is chi-squared, and the furthest of d the largest
of as many normal values. A lone spell of the history beyond this is left out, since models trained
during an anomaly must not learn it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from app.detection.arithmetic import Flags, Floats
from app.detection.calibration import DECADE_LEAST, LEVELS, Calibration

STRANGE_LEVEL = 3.0  # evidence, by theory, of rows that may be left out of the calibration
STRANGE_SPELLS, STRANGE_POINTS = 3, 500  # what comes more often, or lasts longer, is usual,
STRANGE_SHARE = 0.5  # or what comes and goes,
STRANGE_MOST = 1 / 3  # or makes so much of the history
QUIET_POINTS = 24  # so many points end a spell
NORMAL = NormalDist()


def table(strange: Floats, theory: Callable[[float], float]) -> tuple[Floats, float]:
    """Knots and decade of a channel: as seen in training, but no stricter than by theory."""
    knots = np.array([theory(level) for level in LEVELS.tolist()])
    decade = theory(STRANGE_LEVEL) - float(knots[-1])
    seen = strange[_is_usual(strange, theory(STRANGE_LEVEL))]
    if len(seen):
        own = Calibration.of(seen[None])
        knots, decade = np.maximum(knots, own.knots[0]), max(decade, float(own.decade[0]))
    return knots, max(decade, DECADE_LEAST)


def _is_usual(strange: Floats, limit: float) -> Flags:
    """Which points of the training to calibrate by: all, but for a lone spell beyond the limit.

    What lasted long, or came again and again, is usual; what came once is not yet.
    """
    answer: Flags = np.ones(len(strange), np.bool_)
    beyond = np.flatnonzero(strange > limit)
    if 0 < len(beyond) < min(STRANGE_POINTS, STRANGE_MOST * len(strange)):
        spells = np.split(beyond, np.flatnonzero(np.diff(beyond) > QUIET_POINTS) + 1)
        covered = sum(int(spell[-1] - spell[0]) + 1 for spell in spells)
        if len(spells) <= STRANGE_SPELLS and len(beyond) >= STRANGE_SHARE * covered:
            answer[beyond] = False
    return answer


def alone_by_theory(level: float, fields: int) -> float:
    """Strangeness that the furthest of so many normal deviations passes once in 10^level."""
    if level <= 0:
        return 0.0
    share = -math.expm1(math.log1p(-(10.0**-level)) / fields)  # of one of them, both ways
    return math.log1p(NORMAL.inv_cdf(1.0 - share / 2.0))


def together_by_theory(level: float, fields: int) -> float:
    """The same of T^2 (Wilson and Hilferty 1931)."""
    if level <= 0:
        return 0.0
    spread = 2.0 / (9.0 * fields)
    cube_root = 1.0 - spread + NORMAL.inv_cdf(1.0 - 10.0**-level) * math.sqrt(spread)
    return math.log1p(max(cube_root, 0.0) ** 1.5)
