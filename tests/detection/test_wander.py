import numpy as np
import pytest

from app.detection.wander import STEADY_LEAST, reach, row_medians, slopes_of

N = 4000


def noise(seed: int = 0) -> np.ndarray:
    drawn: np.ndarray = np.random.default_rng(seed).normal(size=(4, N))
    return drawn


@pytest.mark.parametrize(
    ("field", "slope"),
    [(noise(), 0.0), (np.cumsum(noise(), axis=1), 0.5), (np.arange(N)[None] * 0.1, 1.0)],
)
def test_the_slope_tells_noise_from_a_random_walk_from_a_trend(
    field: np.ndarray, slope: float
) -> None:
    assert slopes_of(field, 1) == pytest.approx(slope, abs=0.12)


def test_noise_reaches_as_far_as_its_deviation() -> None:
    assert reach(3 * noise(), 1, np.zeros(4)) == pytest.approx(3, rel=0.05)


def test_a_random_walk_reaches_as_far_as_in_its_whole_history() -> None:
    walks = np.cumsum(np.random.default_rng(1).normal(size=(40, N)), axis=1)
    found = reach(walks, 1, slopes_of(walks, 1))
    assert np.median(found) == pytest.approx(np.sqrt(N / 2), rel=0.25)


def test_an_anomaly_of_a_fifth_of_the_history_hardly_moves_it() -> None:
    shifted = noise()
    shifted[:, -N // 5 :] += 30
    away = shifted - row_medians(shifted)[:, None]
    assert reach(away, 1, slopes_of(away, 1)) == pytest.approx(1, rel=0.3)


def test_a_field_that_mostly_stays_the_same_is_no_exact_science() -> None:
    field = np.zeros((1, N))
    field[0, ::50] = 1.0
    assert reach(field, 4, slopes_of(field, 4)) == pytest.approx(STEADY_LEAST / 2, rel=0.01)


def test_missing_values_are_not_looked_at() -> None:
    holes = noise()
    holes[0, ::3] = np.nan
    holes[1] = np.nan
    found = reach(holes, 1, slopes_of(holes, 1))
    assert found[0] == pytest.approx(1, rel=0.1)
    assert np.all(np.isfinite(found))
    assert row_medians(holes)[1] == 0
