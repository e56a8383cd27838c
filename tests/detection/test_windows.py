import warnings

import numpy as np
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from app.detection import windows

MINUTE_NS = 60_000_000_000
numbers = some.floats(-1e6, 1e6) | some.just(float("nan"))
series = arrays(np.float64, 40, elements=numbers)
NO_GAP_NS = windows.span_of(30, MINUTE_NS)


@given(series, some.integers(1, 30))
def test_a_window_holds_what_is_there_before_a_point(x: np.ndarray, size: int) -> None:
    times, found = np.arange(40) * MINUTE_NS, np.empty(30)
    number = windows.gathered(times, x, 35, size, NO_GAP_NS, found)
    held = x[35 - size : 35]
    np.testing.assert_array_equal(found[:number], held[~np.isnan(held)])


@given(arrays(np.float64, some.integers(1, 60), elements=some.floats(-1e6, 1e6)))
def test_mean_deviation_and_median_are_those_of_numpy(x: np.ndarray) -> None:
    mean = windows.mean_of(x, len(x))
    np.testing.assert_allclose(mean, x.mean(), atol=1e-9 * np.abs(x).max())
    deviation = windows.deviation_of(x, len(x), mean)
    np.testing.assert_allclose(deviation, x.std(), atol=1e-9 * np.abs(x).max())
    middle = windows.median_of(x.copy(), len(x))
    np.testing.assert_allclose(middle, np.median(x), rtol=1e-12)
    spread = windows.mad_of(x.copy(), len(x), middle)
    np.testing.assert_allclose(spread, 1.4826 * np.median(np.abs(x - middle)), rtol=1e-12)


@given(series, some.integers(1, 12), some.integers(12, 39))
def test_rolling_medians_are_those_of_each_window(x: np.ndarray, size: int, first: int) -> None:
    medians = np.empty(40 - first)
    times = np.arange(40) * MINUTE_NS
    windows.rolling_medians(times, x, first, size, NO_GAP_NS, medians)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = [np.nanmedian(x[row - size : row]) for row in range(first, 40)]
    np.testing.assert_allclose(medians, wanted, rtol=1e-12)


def test_a_window_does_not_reach_over_a_gap() -> None:
    times = np.r_[np.arange(20), 1000 + np.arange(5)] * MINUTE_NS
    x, found, medians = np.arange(25.0), np.empty(12), np.empty(5)
    span = windows.span_of(12, MINUTE_NS)
    assert windows.gathered(times, x, 24, 12, span, found) == 4
    windows.rolling_medians(times, x, 20, 12, span, medians)
    np.testing.assert_array_equal(medians, [np.nan, 20.0, 20.5, 21.0, 21.5])
