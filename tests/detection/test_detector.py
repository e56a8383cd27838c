"""What always holds of the fold: causal, and the same one by one, in batches, after a restart."""

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as some

from app.detection import (
    FALLBACK_LOOKBACK,
    MINIMUM_POINTS,
    Model,
    Points,
    Settings,
    State,
    Verdicts,
    advance,
    fit,
    lookback_points,
    start,
)
from app.errors import Invalid

HOUR_NS = 3_600_000_000_000
Series = Callable[..., Points]


def as_bytes(verdicts: Verdicts) -> list[bytes]:
    names = [field.name for field in fields(verdicts) if field.name != "reasons"]
    arrays = [getattr(verdicts, name) for name in names]
    return [np.ascontiguousarray(a).tobytes() for a in arrays] + [str(verdicts.reasons).encode()]


def in_batches(
    model: Model | None, state: State, points: Points, cuts: Sequence[int], restarts: bool = False
) -> Verdicts:
    edges = [0, *sorted(cuts), len(points)]
    past, parts = state.recent, []
    for begin, end in itertools.pairwise(edges):
        verdicts, state = advance(model, state, points[begin:end])
        past = past.append(points[begin:end])
        state = State.after(model, past) if restarts else state
        parts.append(verdicts)
    return Verdicts.joined(parts)


@pytest.fixture(scope="module")
def rough() -> Points:
    """Two fields with gaps, late hours, missing values, jumps and a wild value."""
    random = np.random.default_rng(5)
    n = 1100
    times = np.cumsum(random.choice([HOUR_NS, HOUR_NS, HOUR_NS, 2 * HOUR_NS, HOUR_NS + 7], n))
    wave = 10 * np.sin(2 * np.pi * (times / HOUR_NS) / 24)
    values = np.stack([wave, wave**2], axis=1) + random.normal(size=(n, 2))
    values[random.random((n, 2)) < 0.05] = np.nan
    values[200:215] = np.nan
    values[1050] = [1e6, -3]
    values[1060:1090, 0] = 4.0
    return Points.checked(times, values)


@pytest.fixture(scope="module")
def rough_model(rough: Points) -> Model:
    return fit(rough[:950], Settings(n_estimators=12, max_samples=64))


@run(max_examples=25, deadline=None)
@given(cuts=some.lists(some.integers(0, 150), max_size=12), restarts=some.booleans())
def test_batches_of_any_size_give_the_same_verdicts(
    rough: Points, rough_model: Model, cuts: list[int], restarts: bool
) -> None:
    new = rough[950:]
    whole, _ = advance(rough_model, start(rough_model), new)
    again = in_batches(rough_model, start(rough_model), new, cuts, restarts)
    assert as_bytes(again) == as_bytes(whole)


def test_one_point_at_a_time_gives_the_same_verdicts(rough: Points, rough_model: Model) -> None:
    new = rough[950:]
    whole, _ = advance(rough_model, start(rough_model), new)
    again = in_batches(rough_model, start(rough_model), new, range(1, len(new)), restarts=True)
    assert as_bytes(again) == as_bytes(whole)


@run(max_examples=25, deadline=None)
@given(cuts=some.lists(some.integers(0, 400), max_size=12), restarts=some.booleans())
def test_the_fallback_is_a_fold_too(rough: Points, cuts: list[int], restarts: bool) -> None:
    new = rough[:400]
    nothing = State.after(None, Points.empty(2))
    whole, _ = advance(None, nothing, new)
    assert as_bytes(in_batches(None, nothing, new, cuts, restarts)) == as_bytes(whole)


@run(max_examples=20, deadline=None)
@given(end=some.integers(951, 1099))
def test_the_future_does_not_change_a_verdict(rough: Points, rough_model: Model, end: int) -> None:
    whole, _ = advance(rough_model, start(rough_model), rough[950:])
    cut, _ = advance(rough_model, start(rough_model), rough[950:end])
    assert as_bytes(cut) == as_bytes(whole[: end - 950])


@run(max_examples=20, deadline=None)
@given(begin=some.integers(951, 1098))
def test_a_cold_process_continues_where_another_stopped(
    rough: Points, rough_model: Model, begin: int
) -> None:
    whole, _ = advance(rough_model, start(rough_model), rough[950:])
    cold, _ = advance(rough_model, State.after(rough_model, rough[:begin]), rough[begin:])
    assert as_bytes(cold) == as_bytes(whole[begin - 950 :])


def test_only_the_lookback_matters(rough: Points, rough_model: Model) -> None:
    short = rough[950 - rough_model.lookback_points : 950]
    one, _ = advance(rough_model, State.after(rough_model, short), rough[950:])
    other, _ = advance(rough_model, State.after(rough_model, rough[:950]), rough[950:])
    assert as_bytes(one) == as_bytes(other)


def test_the_state_keeps_no_more_than_the_lookback(rough: Points, rough_model: Model) -> None:
    assert len(State.after(rough_model, rough).recent) <= lookback_points(rough_model)
    long = Points.checked(np.arange(5000) * HOUR_NS, np.zeros((5000, 2)))
    assert len(State.after(rough_model, long).recent) == lookback_points(rough_model)
    assert len(State.after(None, rough).recent) == FALLBACK_LOOKBACK


def test_scores_do_not_depend_on_the_unit(
    history: Points, small_model: Model, quick: Settings
) -> None:
    new = Points.checked(history.times[-100:] + 10**17, history.values[:100] * 1.5)
    plain, _ = advance(small_model, start(small_model), new)
    for factor, shift in ((1.0, 512.0), (0.25, 0.0), (2.0**40, 0.0)):
        moved = fit(Points.checked(history.times, history.values * factor + shift), quick)
        same, _ = advance(
            moved, start(moved), Points.checked(new.times, new.values * factor + shift)
        )
        # An added number changes the last digits, and with them which side of a split a row is on.
        np.testing.assert_allclose(same.score, plain.score, atol=0.01 if shift else 1e-6)
        np.testing.assert_allclose(same.expected, plain.expected * factor + shift, rtol=1e-9)


def test_scores_are_shares_and_thresholds_decide(rough: Points, rough_model: Model) -> None:
    verdicts, _ = advance(rough_model, start(rough_model), rough[950:])
    assert np.all((verdicts.score >= 0) & (verdicts.score <= 1))
    np.testing.assert_array_equal(verdicts.is_anomaly, verdicts.score >= verdicts.threshold)
    totals = verdicts.contributions.sum(axis=1)
    assert np.all((np.abs(totals - 1) < 1e-9) | (totals == 0))
    assert verdicts.model_based.all()


def test_a_wild_value_is_an_anomaly_of_its_field(rough: Points, rough_model: Model) -> None:
    verdicts, _ = advance(rough_model, start(rough_model), rough[950:], names=("power", "pressure"))
    assert verdicts.is_anomaly[100]
    assert verdicts.contributions[100, 0] > 0.5
    assert verdicts.reasons[100].startswith("power: far above anything seen before: 1000000")


def test_a_point_without_a_value_scores_nothing(rough: Points, rough_model: Model) -> None:
    none = Points.checked([int(rough.times[-1]) + 1], [[np.nan, np.nan]])
    verdicts, _ = advance(rough_model, State.after(rough_model, rough), none)
    assert (verdicts.score[0], verdicts.reasons[0]) == (0.0, "no value")
    assert verdicts.contributions.tolist() == [[0.0, 0.0]]


def test_points_that_do_not_follow_are_refused(rough: Points, rough_model: Model) -> None:
    with pytest.raises(Invalid):
        advance(rough_model, start(rough_model), rough[900:])


def test_points_of_other_fields_are_refused(history: Points, small_model: Model) -> None:
    with pytest.raises(Invalid):
        advance(
            small_model, State.after(small_model, Points.empty(2)), Points.checked([1], [[1, 2]])
        )


def test_no_points_give_no_verdicts(small_model: Model) -> None:
    for model in (None, small_model):
        verdicts, _ = advance(model, State.after(model, Points.empty(1)), Points.empty(1))
        assert len(verdicts) == 0


def test_under_twelve_points_nothing_is_judged(history: Points) -> None:
    verdicts, _ = advance(None, State.after(None, Points.empty(1)), history[:14])
    assert np.all(verdicts.score[:MINIMUM_POINTS] == 0)
    assert verdicts.reasons[3] == "only 3 points before this one; 12 are needed to judge"
    assert verdicts.reasons[1] == "only 1 point before this one; 12 are needed to judge"
    assert np.isnan(verdicts.expected[:MINIMUM_POINTS]).all()
    assert np.isfinite(verdicts.expected[MINIMUM_POINTS:]).all()
    assert not verdicts.model_based.any()


@pytest.mark.parametrize("constant", [0.0, 7.5, -1e12, 1e300])
@pytest.mark.parametrize("has_model", [False, True])
def test_of_a_constant_series_the_first_other_value_is_an_anomaly(
    constant: float, has_model: bool
) -> None:
    values = np.full(200, constant)
    values[190] = constant + max(1.0, abs(constant) / 100)
    points = Points.checked(np.arange(200) * HOUR_NS, values)
    model = fit(points[:150], Settings(n_estimators=10)) if has_model else None
    verdicts, _ = advance(model, State.after(model, points[:150]), points[150:])
    assert verdicts.is_anomaly[40]
    assert np.all(verdicts.score[:40] < 0.1)
    assert verdicts.score[40] > 0.998


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1e12, 1e300, 1.7e308])
@pytest.mark.parametrize("has_model", [False, True])
def test_values_of_any_size_are_judged_without_overflow(size: float, has_model: bool) -> None:
    random = np.random.default_rng(0)
    values = random.uniform(-1, 1, 300)
    values[280] = 0.0
    values[290:] *= 0.5
    points = Points.checked(np.arange(300) * HOUR_NS, values * size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(points[:200], Settings(n_estimators=10)) if has_model else None
        verdicts, _ = advance(model, State.after(model, points[:200]), points[200:])
    assert np.isfinite(verdicts.score).all()
    assert np.isfinite(verdicts.expected).all()


def test_a_huge_value_after_small_ones_overflows_nothing(small_model: Model) -> None:
    last = int(small_model.recent.times[-1])
    new = Points.checked([last + 1, last + 2, last + 3], [1.7e308, -1.7e308, 100.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdicts, _ = advance(small_model, start(small_model), new)
    assert verdicts.is_anomaly[:2].all()
    assert np.isfinite(verdicts.score).all()


def test_sixty_four_fields_are_judged_together() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(320, 64))
    values[300, 17] = 25.0
    values[310:, 5] = np.nan
    points = Points.checked(np.arange(320) * HOUR_NS, values)
    model = fit(points[:280], Settings(n_estimators=20))
    verdicts, _ = advance(model, start(model), points[280:])
    assert verdicts.score.argmax() == 20
    assert verdicts.contributions[20].argmax() == 17
    assert verdicts.reasons[20].startswith("field 18: ")
    assert verdicts.expected.shape == (40, 64)


def test_a_field_that_was_never_there_is_left_out() -> None:
    values = np.stack([np.sin(np.arange(200.0)), np.full(200, np.nan)], axis=1)
    points = Points.checked(np.arange(200) * HOUR_NS, values)
    model = fit(points, Settings(n_estimators=10))
    new = Points.checked([200 * HOUR_NS], [[0.1, 5e9]])
    verdicts, _ = advance(model, start(model), new)
    assert not verdicts.is_anomaly[0]
    assert np.isnan(verdicts.expected[0, 1])


@pytest.mark.parametrize("place", [246, 510, 774])
def test_a_point_out_of_its_season_is_found(history: Points, model: Model, place: int) -> None:
    """Within the range of the series, so that only the time of day gives it away."""
    values = history.values[:800].copy()
    values[place] = 200 - values[place]  # day for night
    new = Points.checked(history.times[:800] + 10**9 * 3600 * 24 * 42, values)
    verdicts, _ = advance(model, State.after(model, history), new)
    assert verdicts.score[place] > np.quantile(verdicts.score, 0.99)


def test_the_band_holds_about_99_percent_of_normal_points(series: Series) -> None:
    fresh = series(6000, seed=9)
    new, model = fresh[3000:], fit(fresh[:3000], Settings(n_estimators=5))
    verdicts, _ = advance(model, start(model), new)
    inside = (new.values >= verdicts.lower) & (new.values <= verdicts.upper)
    assert 0.97 <= inside.mean() <= 0.9975


def test_normal_points_are_hardly_ever_flagged(series: Series, model: Model) -> None:
    fresh = series(6000, seed=11)
    verdicts, _ = advance(model, State.after(model, fresh[:1000]), fresh[1000:])
    assert verdicts.is_anomaly.mean() <= 0.001
