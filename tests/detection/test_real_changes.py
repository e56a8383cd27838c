"""Changes that last: a level, a trend. What lasts is news once, and then it is how things are."""

import numpy as np
import pytest

from app.detection import Points, Watch, advance, fit, start, watch
from tests.detection.streams import HOUR_NS, MINUTE_NS, QUICK, hours, noise, stream, wave

SERIES = {
    "noise": (10 + noise(2600), HOUR_NS, 500),
    "day of hours": (wave(2600, 24), HOUR_NS, 500),
    "day of five minutes": (wave(4600, 288), 5 * MINUTE_NS, 2 * 288),
}


class TestLevelShift:
    @pytest.mark.parametrize("by", [8.0, -30.0])
    @pytest.mark.parametrize("name", SERIES)
    def test_it_alerts_once_and_is_normal_within_two_seasons_or_500_points(
        self, name: str, by: float
    ) -> None:
        """By one model: it is not a training that makes it normal."""
        values, interval_ns, normal_after = SERIES[name]
        at = len(values) - 1600
        shifted = values.copy()
        shifted[at:] += by
        points = Points.checked(np.arange(len(values)) * interval_ns, shifted)
        model = fit(points[: at - 50], QUICK)
        found, _ = advance(model, start(model), points[at - 50 :])
        alarms, _ = watch(Watch(), found.strength, found.is_anomaly)
        assert np.flatnonzero(alarms.is_alert).tolist() == [50]
        assert np.count_nonzero(found.is_anomaly[50 : 50 + 24]) >= 12
        assert np.count_nonzero(found.is_anomaly[50 + normal_after :]) <= 5
        later = slice(50 + normal_after, None)
        assert np.median(found.expected[later] - points.values[at - 50 :][later]) == pytest.approx(
            0, abs=0.5
        )

    def test_an_anomaly_at_the_new_level_is_found(self) -> None:
        values = wave(4000, 24)
        values[2000:] += 30
        values[3000] += 6
        assert stream(hours(4000), values).alerts == [2000, 3000]


class TestTrend:
    @pytest.mark.parametrize("slope", [0.002, 0.01, 0.05])
    @pytest.mark.parametrize("season", [0, 24])
    def test_what_grows_steadily_is_normal_and_a_spike_on_it_is_not(
        self, season: int, slope: float
    ) -> None:
        level = wave(4000, season) if season else 10 + noise(4000, 4)
        values = level + slope * np.arange(4000)
        values[3500] += 10
        found = stream(hours(4000), values)
        assert found.alerts == [3500]
        assert found.share(slice(3500, 3524)) <= 0.01
        assert 0.97 <= found.inside() <= 0.999
