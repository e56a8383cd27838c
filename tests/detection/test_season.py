import numpy as np
import pytest

from app.detection import Points, Settings, season

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


def wave(n: int, period: int, noise: float = 0.2) -> np.ndarray:
    random = np.random.default_rng(1)
    return np.sin(2 * np.pi * np.arange(n) / period) + noise * random.normal(size=n)


@pytest.mark.parametrize("period", [7, 24, 50, 144])
def test_the_period_is_found(period: int) -> None:
    points = Points.checked(np.arange(1200) * HOUR_NS, wave(1200, period))
    assert abs(season.period_points(points, HOUR_NS) - period) <= 1


def test_the_period_is_found_across_gaps() -> None:
    values, keep = wave(1500, 24), np.random.default_rng(2).random(1500) > 0.2
    points = Points.checked(np.arange(1500)[keep] * HOUR_NS, values[keep])
    assert season.period_points(points, HOUR_NS) == 24


def test_noise_has_no_period() -> None:
    noise = np.random.default_rng(3).normal(size=2000)
    assert season.period_points(Points.checked(np.arange(2000) * HOUR_NS, noise), HOUR_NS) == 0


@pytest.mark.parametrize("values", [np.zeros(100), np.full(100, np.nan), np.arange(3.0)])
def test_what_does_not_vary_has_no_period(values: np.ndarray) -> None:
    points = Points.checked(np.arange(len(values)) * HOUR_NS, values)
    assert season.period_points(points, HOUR_NS) == 0


def test_a_day_is_preferred_to_its_multiples() -> None:
    days = np.arange(2000) // 24
    values = wave(2000, 24) * np.where(days % 7 >= 5, 0.5, 1.0)
    assert season.period_points(Points.checked(np.arange(2000) * HOUR_NS, values), HOUR_NS) == 24


def test_the_interval_is_the_median_distance() -> None:
    points = Points.checked([0, HOUR_NS, 2 * HOUR_NS, 9 * HOUR_NS], np.zeros(4))
    assert season.sampling_interval_ns(points, Settings()) == HOUR_NS
    assert season.sampling_interval_ns(points, Settings(interval=5)) == 5


def test_seasons_that_say_nothing_are_left_out() -> None:
    points = Points.checked(np.arange(100) * HOUR_NS, np.zeros(100))
    given = Settings(season=(HOUR_NS, DAY_NS, 400 * DAY_NS))
    assert season.lengths_ns(points, given, HOUR_NS) == (DAY_NS,)


def test_a_measured_length_near_one_of_the_calendar_is_that_one() -> None:
    month, year = 30.5 * DAY_NS, 365.2425 * DAY_NS
    assert season.on_the_calendar(12 * 31 * DAY_NS, 31 * DAY_NS) == year
    assert season.on_the_calendar(361 * 10**10, 10**10) == HOUR_NS
    assert season.on_the_calendar(2014 * HOUR_NS // 12, HOUR_NS // 12) == 7 * DAY_NS
    assert season.on_the_calendar(6 * DAY_NS, DAY_NS) == 6 * DAY_NS
    assert season.on_the_calendar(0, HOUR_NS) == 0
    assert season.on_the_calendar(int(6 * month), int(month)) == 6 * month
