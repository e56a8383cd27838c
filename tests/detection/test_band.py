import numpy as np
import pytest

from app.detection import Points, Settings, Verdicts, advance, fit, start
from app.detection.band import Band, surround

HOUR_NS = 3_600_000_000_000
N = 6000
NEW = slice(N // 2, None)
QUICK = Settings(n_estimators=10)


def judged(values: np.ndarray) -> Verdicts:
    """Verdicts on the second half, by a model of the first."""
    points = Points.checked(np.arange(N) * HOUR_NS, values)
    model = fit(points[: N // 2], QUICK)
    return advance(model, start(model), points[NEW])[0]


def width(found: Verdicts) -> np.ndarray:
    return (found.upper - found.lower)[:, 0]


def inside(found: Verdicts, values: np.ndarray) -> np.ndarray:
    return (values >= found.lower[:, 0]) & (values <= found.upper[:, 0])


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=N)


@pytest.mark.parametrize("seed", range(3))
def test_about_ninety_nine_of_a_hundred_normal_points_lie_inside(seed: int) -> None:
    values = 10 * np.sin(np.arange(N) * np.pi / 12) + noise(seed)
    share = inside(judged(values), values[NEW]).mean()
    assert 0.98 <= share <= 0.999


def test_quiet_hours_have_a_narrow_band_and_busy_hours_a_wide_one() -> None:
    hour = np.arange(N) % 24
    is_night = hour < 8
    values = 10 * np.sin(hour * np.pi / 12) + noise() * np.where(is_night, 0.5, 5.0)
    found, night = judged(values), is_night[NEW]
    assert np.median(width(found)[~night]) > 1.8 * np.median(width(found)[night])
    assert inside(found, values[NEW])[~night].mean() >= 0.97


def test_the_band_widens_while_the_noise_is_large() -> None:
    is_rough = np.arange(N) // 300 % 2 == 1
    values = noise() * np.where(is_rough, 6.0, 1.0)
    found, rough = judged(values), is_rough[NEW]
    assert np.median(width(found)[rough]) > 1.5 * np.median(width(found)[~rough])


def test_what_never_varied_has_a_band_of_no_width() -> None:
    found = judged(np.full(N, 7.0))
    assert np.all(found.lower == 7)
    assert np.all(found.upper == 7)


def test_a_field_without_an_expected_value_has_no_band() -> None:
    nothing = np.full((1, 50), np.nan)
    band = Band.of(nothing, nothing, np.ones(1), np.zeros(50, np.int64), 1)
    found = np.empty((2, 1, 50))
    surround(nothing, band.places, np.zeros(50, np.int64), nothing, band.factors, *found)
    assert np.isnan(found).all()


def test_a_place_with_few_errors_is_taken_to_be_like_the_others() -> None:
    errors = np.ones((1, 101))
    errors[0, 100] = 4.0
    place = np.where(np.arange(101) == 100, 1, 0)
    band = Band.of(errors, errors, np.ones(1), place, 3)
    often, once, never = band.places[0].tolist()
    assert often == pytest.approx(1.0, abs=0.01)
    assert never == pytest.approx(errors.mean())
    assert never < once < 1.5


def test_wild_values_keep_the_band_finite() -> None:
    values = noise()
    values[::50] = 1e307
    found = judged(values)
    assert np.isfinite(found.lower).all()
    assert np.isfinite(found.upper).all()
