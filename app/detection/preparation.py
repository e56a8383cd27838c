"""Compile or load all loops before the first request needs them."""

from __future__ import annotations

import numpy as np

from app.detection.arithmetic import Floats
from app.detection.detector import State, advance, start
from app.detection.points import Points
from app.detection.settings import Settings
from app.detection.training import FOREST_POINTS, fit

HOUR_NS = 3_600_000_000_000
DAYS, REPEATED_DAYS = 8, 40


def prepare() -> None:
    """Judge a few made-up points; seconds the first time on a machine, then a fraction of one."""
    hours = np.arange(DAYS * 24)
    _judge(np.stack([np.sin(hours * np.pi / 12), hours % 7.0], axis=1))
    _judge(np.sin(np.arange(REPEATED_DAYS * 24) * np.pi / 12))  # a history that repeats itself


def _judge(values: Floats) -> None:
    points = Points.checked(np.arange(len(values)) * HOUR_NS, values)
    model = fit(points[:-FOREST_POINTS], Settings(n_estimators=1, max_samples=2))
    _, state = advance(model, start(model), points[-FOREST_POINTS:-1])
    advance(model, State.after(model, points[:-1]), points[-1:])
    advance(None, State(state.recent), Points.checked([10**18], values[:1]))
