"""Anomalies that no single field shows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.detection import Model, Points, Settings, State, Verdicts, advance, fit, start
from app.errors import Invalid
from tests.detection.conftest import HOUR_NS, hourly

TRAINED = 800
NAMES = ("temperature", "pressure")


def pair(n: int, seed: int = 0) -> np.ndarray:
    """Two fields that rise and fall together, 60 +- 5 and 3 +- .5."""
    random = np.random.default_rng(seed)
    drawn = random.normal(size=(n, 3))
    values: np.ndarray = np.array([60, 3]) + np.array([5, 0.5]) * (
        drawn[:, :1] + 0.1 * drawn[:, 1:]
    )
    return values


def judged(
    values: np.ndarray, trained: int = TRAINED, without: frozenset[str] = frozenset()
) -> Verdicts:
    points = hourly(values)
    model = replace(fit(points[:trained], Settings(n_estimators=25)), without=without)
    return advance(model, start(model), points[trained:], NAMES)[0]


@pytest.fixture(scope="module")
def at_odds() -> Verdicts:
    """From point 100 on, ten points whose two values are usual, but not together."""
    values = pair(TRAINED + 150)
    values[TRAINED + 100 : TRAINED + 110] = [66, 2.4]
    return judged(values)


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(hourly(pair(300)), Settings(n_estimators=5))


def test_values_that_do_not_go_together_are_an_anomaly(at_odds: Verdicts) -> None:
    assert at_odds.is_anomaly[100:110].all()
    assert at_odds.is_anomaly[:100].mean() < 0.01


def test_without_the_part_it_is_not_found() -> None:
    values = pair(TRAINED + 150)
    values[TRAINED + 100 : TRAINED + 110] = [66, 2.4]
    assert not judged(values, without=frozenset({"joint"})).is_anomaly[100:105].any()


def test_the_reason_names_the_fields_and_what_would_fit(at_odds: Verdicts) -> None:
    assert at_odds.reasons[100].startswith("temperature and pressure do not go together as usual:")
    assert "temperature 66 (5" in at_odds.reasons[100]
    assert "pressure 2.4 (3." in at_odds.reasons[100]


def test_contributions_are_those_of_the_fields_at_odds() -> None:
    random = np.random.default_rng(4)
    values = np.hstack([pair(TRAINED + 50), random.normal(size=(TRAINED + 50, 6))])
    values[TRAINED + 30, :2] = [68, 2.2]
    verdicts = judged(values)
    shares = verdicts.contributions[30]
    assert verdicts.is_anomaly[30]
    assert shares.sum() == pytest.approx(1)
    assert shares[:2].min() > 0.3
    assert "temperature and pressure" in verdicts.reasons[30] or (
        "pressure and temperature" in verdicts.reasons[30]
    )


def test_a_small_shift_of_one_field_that_lasts_is_found_by_its_means() -> None:
    values = np.random.default_rng(2).normal(size=(TRAINED + 400, 8))
    values[TRAINED + 100 : TRAINED + 300, 3] += 3
    verdicts = judged(values)
    assert verdicts.is_anomaly[150:290].mean() > 0.7
    assert verdicts.is_anomaly[:100].mean() < 0.01
    assert verdicts.contributions[200].argmax() == 3


@pytest.mark.parametrize("trained", [64, 300])
def test_many_fields_of_noise_raise_no_alarm(trained: int) -> None:
    values = np.random.default_rng(1).normal(size=(trained + 700, 64))
    assert judged(values, trained).is_anomaly.mean() < 0.01


def test_fields_that_wander_raise_no_alarm() -> None:
    values = np.cumsum(np.random.default_rng(6).normal(size=(1500, 8)), axis=0)
    alone = judged(values, 500, without=frozenset({"joint"})).is_anomaly
    assert judged(values, 500).is_anomaly.mean() <= alone.mean() + 0.01


def test_a_shift_becomes_normal_between_trainings_too() -> None:
    values = pair(TRAINED + 900)
    values[TRAINED + 100 :, 1] -= 2.0
    verdicts = judged(values)
    assert verdicts.is_anomaly[100]
    assert verdicts.is_anomaly[600:].mean() < 0.01


def test_an_anomaly_in_the_history_is_not_learned_as_usual() -> None:
    values = pair(TRAINED + 120)
    values[TRAINED - 60 :, 1] -= 1.0
    verdicts = judged(values)
    assert verdicts.is_anomaly.mean() > 0.9


def test_what_came_again_and_again_is_usual() -> None:
    values = pair(1600)
    for begin in range(50, 1600, 100):
        values[begin : begin + 10] = values[begin : begin + 10] * [1, -1] + [0, 6]
    assert judged(values).is_anomaly.mean() < 0.02


def test_batches_of_any_size_and_a_restart_give_the_same_bits(model: Model) -> None:
    values = pair(420)
    values[310:330, 1] = np.nan
    points = hourly(values)
    whole = advance(model, start(model), points[300:])[0]
    for size in (1, 7, 64):
        state, parts = start(model), []
        for begin in range(300, 420, size):
            verdicts, state = advance(model, state, points[begin : begin + size])
            state = State.after(model, points[: begin + size]) if begin % 2 else state
            parts.append(verdicts)
        streamed = Verdicts.joined(parts)
        assert streamed.score.tobytes() == whole.score.tobytes()
        assert streamed.contributions.tobytes() == whole.contributions.tobytes()
        assert streamed.reasons == whole.reasons


def test_the_same_data_give_the_same_bytes_and_they_come_back(model: Model) -> None:
    packed = model.to_bytes()
    assert fit(hourly(pair(300)), Settings(n_estimators=5)).to_bytes() == packed
    assert Model.from_bytes(packed).to_bytes() == packed


def test_a_single_field_has_no_joint_part() -> None:
    points = hourly(pair(300)[:, :1])
    model = fit(points, Settings(n_estimators=5))
    assert model.joint is None
    assert b"joint." not in model.to_bytes()
    later = hourly(pair(400)[:, :1])[300:]
    less = replace(model, without=frozenset({"joint"}))
    scores = [advance(m, start(m), later)[0].score.tobytes() for m in (model, less)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("damage", ["centre", "spread", "roots"])
def test_a_model_with_unsound_joint_parts_is_refused(model: Model, damage: str) -> None:
    assert model.joint is not None
    spoilt = getattr(model.joint, damage).copy()
    spoilt[0, 0] = np.nan if damage != "spread" else 0.0
    broken = replace(model, joint=replace(model.joint, **{damage: spoilt}))
    with pytest.raises(Invalid):
        Model.from_bytes(broken.to_bytes())


def test_sixty_four_fields_make_a_model_under_eight_megabytes() -> None:
    values = np.random.default_rng(0).normal(size=(1000, 64))
    assert len(fit(hourly(values), Settings()).to_bytes()) < 8_000_000


def test_fields_that_never_change_or_are_the_same_do_not_disturb() -> None:
    values = np.hstack([pair(TRAINED + 150), np.full((TRAINED + 150, 1), 7.0)])
    values = np.hstack([values, values[:, :1], np.full((TRAINED + 150, 1), np.nan)])
    values[TRAINED + 100, :2] = [67, 2.3]
    values[TRAINED + 100, 3] = 67
    verdicts = judged(values)
    assert verdicts.is_anomaly[100]
    assert verdicts.is_anomaly[:100].mean() < 0.01


def test_a_copy_that_differs_from_its_original_is_found() -> None:
    values = pair(TRAINED + 150)
    values = np.hstack([values, values[:, :1]])
    values[TRAINED + 100 : TRAINED + 106, 2] += 6
    verdicts = judged(values)
    assert verdicts.is_anomaly[100:106].all()
    assert not verdicts.is_anomaly[:100].any()


def test_one_of_many_fields_that_leaves_the_others_is_found_and_named() -> None:
    """Though T^2 of sixty-four hardly moves."""
    random = np.random.default_rng(3)
    causes = random.normal(size=(2000, 10))
    values = causes @ random.normal(size=(10, 64)) + random.normal(0, 0.3, (2000, 64))
    values[1500:1505, 17] += 6
    points = hourly(values)
    model = fit(points[:1400], Settings(n_estimators=25))
    names = [f"sensor {i}" for i in range(64)]
    verdicts = advance(model, start(model), points[1400:], names)[0]
    assert verdicts.is_anomaly[100:105].any()
    first = 100 + int(verdicts.is_anomaly[100:105].argmax())
    assert verdicts.reasons[first].startswith("sensor 17 does not go with the other fields")
    assert verdicts.contributions[first].argmax() == 17
    assert verdicts.is_anomaly[:100].mean() < 0.02


def test_where_one_field_alone_is_there_nothing_can_be_at_odds() -> None:
    values = pair(TRAINED + 150)
    values[TRAINED + 20 :, 1] = np.nan
    assert judged(values).is_anomaly[20:].mean() < 0.02


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.one_of(st.floats(-1e300, 1e300), st.just(float("nan")))] * 2),
        min_size=1,
        max_size=12,
    )
)
def test_any_values_have_a_finite_verdict(rows: list[tuple[float, float]]) -> None:
    model = fit(hourly(pair(100)), Settings(n_estimators=2, max_samples=16))
    points = Points.checked((np.arange(len(rows)) + 100) * HOUR_NS, np.array(rows))
    verdicts = advance(model, start(model), points)[0]
    assert np.all((verdicts.score >= 0) & (verdicts.score < 1.0 + 1e-12))
    totals = verdicts.contributions.sum(axis=1)
    assert np.all((np.abs(totals - 1) < 1e-9) | (totals == 0))
