from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from app.detection import (
    FOREST_POINTS,
    TRAINING_POINTS,
    Points,
    Settings,
    advance,
    fit,
    forest,
    start,
    training,
)
from app.detection.grove import Grove
from app.errors import Invalid

HOUR_NS = 3_600_000_000_000
Series = Callable[..., Points]
DAY_NS = 24 * HOUR_NS


def test_too_few_points_are_refused_with_have_and_need(history: Points) -> None:
    with pytest.raises(Invalid) as error:
        fit(history[: FOREST_POINTS - 1], Settings())
    assert error.value.extra == {"have": FOREST_POINTS - 1, "need": FOREST_POINTS}


def test_points_without_a_value_do_not_count(history: Points) -> None:
    values = history.values[: FOREST_POINTS + 3].copy()
    values[10:20] = np.nan
    with pytest.raises(Invalid):
        fit(Points.checked(history.times[: len(values)], values), Settings())


def test_the_fewest_points_are_enough(history: Points) -> None:
    model = fit(history[:FOREST_POINTS], Settings(n_estimators=10))
    verdicts, _ = advance(model, start(model), history[FOREST_POINTS:100])
    assert np.isfinite(verdicts.score).all()


def test_progress_grows_to_one(history: Points, quick: Settings) -> None:
    told: list[float] = []
    fit(history, quick, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_only_the_last_points_are_trained_on(
    history: Points, quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TRAINING_POINTS", 500)
    assert fit(history, quick).to_bytes() == fit(history[-500:], quick).to_bytes()
    assert TRAINING_POINTS == 100_000


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_contamination_is_the_share_that_is_flagged(series: Series, share: float) -> None:
    points = series(6000, seed=3)
    model = fit(points[:3000], Settings(n_estimators=40, contamination=share))
    verdicts, _ = advance(model, start(model), points[3000:])
    assert share / 4 <= verdicts.is_anomaly.mean() <= share * 4
    assert verdicts.threshold[0] == model.threshold


def test_the_season_can_be_set(history: Points, quick: Settings) -> None:
    weekly = Settings(n_estimators=12, max_samples=64, season=(DAY_NS, 7 * DAY_NS))
    assert fit(history, weekly).period_points == 24
    none = Settings(n_estimators=12, max_samples=64, season=())
    assert fit(history, none).period_points == 0
    assert fit(history, none).predictor.reach < fit(history, weekly).predictor.reach


def test_the_forests_decide(series: Series) -> None:
    """Without them other points are anomalous, and a day that runs late stands out less."""
    points = series(2000, seed=4)
    values = points.values.copy()
    values[1806:1842] = values[1800:1836]
    late = Points.checked(points.times, values)
    model = replace(fit(late[:1700], Settings(contamination=0.02)), shape=None)
    unmoved = forest.fit(np.zeros((256, 1)), model.settings)
    columns = [np.array([0])] * len(model.forests)
    blind = replace(model, grove=Grove.of([unmoved] * len(columns), columns))
    seeing, _ = advance(model, start(model), late[1700:])
    unseeing, _ = advance(blind, start(blind), late[1700:])
    day = slice(106, 142)
    assert np.any(seeing.is_anomaly != unseeing.is_anomaly)
    assert seeing.score[day].mean() > unseeing.score[day].mean()
    assert seeing.score[day].max() > unseeing.score[day].max()
