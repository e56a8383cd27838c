import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from app.detection.novelty import Range, range_before, range_so_far

values_or_missing = some.floats(-9, 9) | some.just(float("nan"))


def found_before(
    values: np.ndarray, lookback: int, lowest: np.ndarray, highest: np.ndarray
) -> Range:
    shape = len(values), values.shape[1] - lookback
    found = Range(np.empty(shape), np.empty(shape))
    range_before(values, lookback, lowest, highest, found.lowest, found.highest)
    return found


@given(arrays(np.float64, (2, 30), elements=values_or_missing), some.integers(1, 12))
def test_the_range_is_that_of_training_and_lookback(values: np.ndarray, lookback: int) -> None:
    found = found_before(values, lookback, np.array([-1.0, -2.0]), np.array([1.0, 2.0]))
    for field, t in np.ndindex(2, 30 - lookback):
        seen = values[field, t : t + lookback]
        known = [*seen[~np.isnan(seen)], -1.0 - field, 1.0 + field]
        assert found.lowest[field, t] == min(known)
        assert found.highest[field, t] == max(known)


def test_evidence_grows_with_the_distance_beyond_the_range() -> None:
    found = found_before(np.zeros((1, 6)), 1, np.array([0.0]), np.array([10.0]))
    values = np.array([[5.0, 10.4, 12.0, 20.0, -20.0]])
    evidence = found.evidence(values, 1000)[0]
    assert evidence.tolist() == [0.0, 0.0, 3.5, 7.5, 8.0]


def test_little_history_shows_little() -> None:
    found = found_before(np.zeros((1, 2)), 1, np.array([0.0]), np.array([10.0]))
    assert (
        found.evidence(np.array([[11.0]]), 20)[0, 0] < found.evidence(np.array([[11.0]]), 900)[0, 0]
    )


def test_beyond_a_single_value_all_is_new() -> None:
    found = range_so_far(np.array([[3.0, 3.0, 3.0, 4.0]]))
    assert found.evidence(np.array([[3.0, 3.0, 3.0, 4.0]]), 1000).tolist() == [[0, 0, 0, 8]]


def test_the_range_is_the_same_however_many_points_are_judged_at_once() -> None:
    values, lookback = np.random.default_rng(1).normal(size=(2, 500)), 90
    values[:, 200:320] = np.nan
    training = np.full(2, np.inf), np.full(2, -np.inf)
    together = found_before(values, lookback, *training)
    for t in range(0, 500 - lookback, 7):
        window = values[:, t : t + lookback + 1].copy()
        alone = found_before(window, lookback, *training)
        assert alone.lowest[:, 0].tolist() == together.lowest[:, t].tolist()
        assert alone.highest[:, 0].tolist() == together.highest[:, t].tolist()
