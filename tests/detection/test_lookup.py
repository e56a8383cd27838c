import numpy as np

from app.detection.lookup import seasonal

HOUR_NS = 3_600_000_000_000


def medians(
    times: np.ndarray, values: np.ndarray, first: int, season: int, number: int
) -> np.ndarray:
    answer = np.empty(len(times) - first)
    seasonal(times, np.zeros_like(times), values, first, season, HOUR_NS, number, answer)
    return answer


def test_earlier_seasons_are_looked_up_by_time() -> None:
    times = np.array([0, 1, 2, 3, 4, 6, 8]) * HOUR_NS  # hours 5 and 7 are missing
    values = np.array([10.0, 11, 12, 13, 14, 16, 18])
    assert medians(times, values, 6, 4 * HOUR_NS, 2).tolist() == [12.0]  # of 10, 11, 13 and 14


def test_only_the_past_is_looked_up() -> None:
    times = np.arange(30) * HOUR_NS
    before = medians(times, np.arange(30.0), 10, 2 * HOUR_NS, 2)
    assert np.all(before < np.arange(10, 30))
    changed = np.arange(30.0)
    changed[20:] = 1e9
    np.testing.assert_array_equal(medians(times, changed, 10, 2 * HOUR_NS, 2)[:11], before[:11])


def test_fewer_than_three_samples_are_no_guess() -> None:
    times = np.array([0, 1, 24, 25, 48]) * HOUR_NS
    assert np.isnan(medians(times, np.ones(5), 2, 24 * HOUR_NS, 1)[0])


def test_the_oldest_times_do_not_overflow() -> None:
    times = np.iinfo(np.int64).min + np.arange(40) * HOUR_NS
    found = medians(times, np.ones(40), 20, 5 * HOUR_NS, 5)
    assert found.tolist() == [1.0] * 20


def test_the_same_time_of_day_is_looked_up_where_the_clocks_changed() -> None:
    times = np.arange(72) * HOUR_NS
    offsets = np.where(np.arange(72) < 40, HOUR_NS, 0)
    values = ((times + offsets) // HOUR_NS % 24).astype(np.float64)
    answer = np.empty(72 - 50)
    seasonal(times, offsets, values, 50, 24 * HOUR_NS, HOUR_NS, 1, answer)
    hours = values[50:]
    inner = (hours > 0) & (hours < 23)
    np.testing.assert_array_equal(answer[inner], hours[inner])


def test_after_a_gap_the_seasons_before_it_are_looked_up() -> None:
    hours = np.delete(np.arange(24 * 60), slice(24 * 10, 24 * 50))
    found = medians(hours * HOUR_NS, (hours % 24).astype(np.float64), 24 * 10, 24 * HOUR_NS, 5)
    assert found.tolist()[1:23] == list(range(1, 23))


def test_a_gap_of_ages_costs_no_more_than_a_short_one() -> None:
    second, ages = HOUR_NS // 3600, 10**18
    times = np.concatenate([np.arange(100) * second, ages + np.arange(10) * second])
    found = np.empty(10)
    clock = (times, np.zeros_like(times))
    seasonal(*clock, np.ones(110), 100, 2 * second, second, 5, found)
    assert found.tolist() == [1.0] * 10
