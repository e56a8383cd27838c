"""Each part can be left out, to measure what it is worth."""

from dataclasses import replace

import numpy as np
import pytest

from app.detection import PARTS, Points, Settings, advance, fit, start

HOUR_NS = 3_600_000_000_000


def troubled(n: int) -> Points:
    values = np.random.default_rng(3).normal(10, 1, (n, 2))
    values[:, 1] = values[:, 0] + 0.1 * values[:, 1]
    values[-50, 1] -= 1
    values[-30, 0] += 12
    values[-12:, 0] = 10.0
    return Points.checked(np.arange(n) * HOUR_NS, values)


def repeating(n: int) -> Points:
    """A day like the other, but for the last."""
    values = 10 * np.sin(np.arange(n) * np.pi / 12) + np.random.default_rng(4).normal(0, 1, n)
    values[-12:] = values[-18:-6]
    return Points.checked(np.arange(n) * HOUR_NS, values)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_left_out_changes_the_scores(part: str) -> None:
    points = repeating(800) if part == "shape" else troubled(800)
    settings = Settings(n_estimators=10)
    whole = fit(points[:700], settings)
    less = replace(whole, without=frozenset({part}))
    scores = [advance(model, start(model), points[700:])[0].score for model in (whole, less)]
    assert np.any(scores[0] != scores[1])
