"""Seasons: none, one, and days within weeks."""

import numpy as np
import pytest

from app.detection import fit
from tests.detection.streams import DAY_NS, HOUR_NS, MINUTE_NS, QUICK, Stream, hours, noise, stream

WEEK = 7 * 24


def office(n: int, day: int, seed: int = 0) -> np.ndarray:
    """Busy weekdays, quiet weekends; `day` points have a day."""
    at = np.arange(n)
    swing = np.sin(2 * np.pi * at / day)
    is_busy = at // day % 7 < 5
    level = np.where(is_busy, 100 + 40 * swing, 20 + 5 * swing)
    values: np.ndarray = level + 3 * noise(n, seed)
    return values


class TestNone:
    @pytest.mark.parametrize("seed", range(3))
    def test_noise_has_no_season_and_hardly_an_alert(self, seed: int) -> None:
        values = noise(4000, seed)
        values[3500] = 9.0
        found = stream(hours(4000), values)
        assert fit(found.points, QUICK).predictor.seasons_ns == ()
        assert 3500 in found.alerts
        assert len(found.alerts) <= 4  # of pure noise about one point in 3,000 alerts
        assert found.share(slice(3500, 3524)) <= 0.01

    @pytest.mark.parametrize("seed", range(2))
    def test_a_random_walk_has_no_season_and_may_go_where_it_likes(self, seed: int) -> None:
        values = np.cumsum(noise(4000, seed))
        values[3500] += 15
        found = stream(hours(4000), values)
        assert fit(found.points, QUICK).predictor.seasons_ns == ()
        assert found.alerts == [3500]
        assert found.share(slice(3500, 3524)) <= 0.01


class TestDayAndWeek:
    @staticmethod
    def assert_quiet(found: Stream, learned: int) -> None:
        """No weekend alerts and the expected value is that of the day, once weeks are known."""
        assert [i for i in found.alerts if i >= learned] == []
        normal = found.verdicts.is_anomaly[learned:]
        assert normal.mean() <= 0.005
        error = np.abs(found.verdicts.expected - found.points.values)[learned:]
        assert np.quantile(error, 0.95) < 15

    @pytest.mark.parametrize("seed", range(2))
    def test_weekends_of_hours_are_no_anomaly(self, seed: int) -> None:
        self.assert_quiet(stream(hours(12 * WEEK), office(12 * WEEK, 24, seed)), 4 * WEEK)

    def test_weekends_of_half_hours_are_no_anomaly(self) -> None:
        times = np.arange(9 * 2 * WEEK) * 30 * MINUTE_NS
        self.assert_quiet(stream(times, office(len(times), 48)), 4 * 2 * WEEK)

    def test_weekends_of_five_minutes_are_no_anomaly(self) -> None:
        times = np.arange(5 * 12 * WEEK) * 5 * MINUTE_NS
        self.assert_quiet(stream(times, office(len(times), 288)), 3 * 12 * WEEK)

    def test_weekends_of_days_are_no_anomaly(self) -> None:
        is_busy = np.arange(7 * 60) % 7 < 5
        values = np.where(is_busy, 100, 20) + 3 * noise(7 * 60)
        found = stream(np.arange(7 * 60) * DAY_NS, values, warmup=64)
        assert found.alerts == []
        assert found.share() <= 0.01

    def test_a_dead_hour_on_a_weekday_is_an_anomaly_and_on_a_weekend_is_not(self) -> None:
        values = office(12 * WEEK, 24)
        wednesday, saturday = 10 * WEEK + 2 * 24 + 6, 10 * WEEK + 5 * 24 + 6
        values[wednesday : wednesday + 3] = values[saturday : saturday + 3]
        found = stream(hours(12 * WEEK), values)
        assert [i for i in found.alerts if i >= 4 * WEEK] == [wednesday]

    def test_half_a_day_within_a_day_is_learned(self) -> None:
        at = np.arange(12 * WEEK)
        truth = 50 + 20 * np.sin(2 * np.pi * at / 24) + 15 * np.sin(2 * np.pi * at / 12)
        found = stream(hours(len(at)), truth + 2 * noise(len(at)))
        assert fit(found.points, QUICK).predictor.season_ns == 24 * HOUR_NS
        later = slice(2 * WEEK, None)
        assert np.median(np.abs(found.verdicts.expected[later, 0] - truth[later])) < 2
        assert len(found.alerts) <= 1

    def test_a_peak_each_saturday_is_learned(self) -> None:
        at = np.arange(12 * WEEK)
        values = np.where(at // 24 % 7 == 5, 200, 100) + 20 * np.sin(2 * np.pi * at / 24)
        self.assert_quiet(stream(hours(len(at)), values + 2 * noise(len(at))), 4 * WEEK)
