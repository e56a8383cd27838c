"""A lone spike is an anomaly, and the normal points after it are none."""

import numpy as np
import numpy.typing as npt
import pytest

from app.detection import Points, Settings, advance, fit, replay, start
from app.detection.trailing import _calm

HOUR_NS = 3_600_000_000_000
SPIKE = 5


def series(kind: str, n: int) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(1)
    hours = np.arange(n)
    if kind == "daily":
        return np.asarray(100.0 + 10 * (hours % 24) + hours * 7 % 5, np.float64)
    if kind == "noise":
        return 100 + random.normal(0, 5, n)
    return 100 + np.cumsum(random.normal(0, 1, n))


@pytest.mark.parametrize("n", [120, 600])
@pytest.mark.parametrize("kind", ["daily", "noise", "walk"])
def test_only_the_spike_itself_is_an_anomaly(kind: str, n: int) -> None:
    values = series(kind, n + 30)
    values[n + SPIKE] = 9000
    points = Points.checked(np.arange(n + 30) * HOUR_NS, values)
    model = fit(points[:n], Settings(n_estimators=30))
    verdicts, _ = advance(model, start(model), points[n:])
    assert np.flatnonzero(verdicts.is_anomaly).tolist() == [SPIKE]


def test_a_calm_past_drops_what_stands_alone_and_keeps_what_lasts() -> None:
    calm = _calm(np.array([1.0, 1, 9, 1, 1, 9, 9, 9, np.nan, 9, 2]))
    assert calm[:5].tolist() == [1, 1, 1, 1, 1]
    assert calm[5:8].tolist() == [1, 9, 9]
    assert np.isnan(calm[8])
    assert calm[9:].tolist() == [9, 9]


def test_values_that_alternate_are_normal_before_there_is_a_model() -> None:
    values = np.tile([1.0, 2.0], 30)
    values[50] = 40
    verdicts = replay(Points.checked(np.arange(60) * HOUR_NS, values), Settings())
    assert np.flatnonzero(verdicts.is_anomaly).tolist() == [50]
