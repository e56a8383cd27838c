import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays

from app.detection import arithmetic

numbers = some.floats(-1e6, 1e6) | some.just(float("nan"))


@given(arrays(np.float64, (3, 7), elements=numbers))
def test_the_median_leaves_out_what_is_missing(window: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        middle = np.nanmedian(window, axis=-1)
    np.testing.assert_allclose(arithmetic.median(window), middle, rtol=1e-12)


@given(arrays(np.float64, (40, 5), elements=some.floats(-1e3, 1e3)), some.integers(0, 39))
def test_a_row_does_not_depend_on_the_rows_beside_it(rows: np.ndarray, i: int) -> None:
    for function in (arithmetic.ordered_sum, arithmetic.exp2):
        together, alone = function(rows)[i], function(rows[i : i + 1])[0]
        assert together.tobytes() == alone.tobytes()


def test_windows_end_with_their_entry() -> None:
    found = arithmetic.windows(np.arange(6.0), 3, 2)
    assert found.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_the_median_of_the_largest_numbers_stays_finite() -> None:
    assert arithmetic.median(np.array([1.7e308, 1.6e308])) == pytest.approx(1.65e308)
