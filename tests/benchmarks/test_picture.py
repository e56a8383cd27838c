"""The picture of the pipeline shows what the detector said."""

import numpy as np
import pytest

from app.detection import Points, Settings, Watch, replay, watch
from benchmarks.picture import Scene, picture, scene

HOUR_NS = 3_600_000_000_000
QUICK = Settings(n_estimators=10)
PLACE, END = 380, 400


@pytest.fixture(scope="module")
def points() -> Points:
    hours = np.arange(500)
    noise = np.random.default_rng(0).normal(0, 3, 500)
    values = 100 + 40 * np.sin(hours * np.pi / 12) + noise
    values[PLACE] = 600.0
    return Points.checked(hours * HOUR_NS, values)


@pytest.fixture(scope="module")
def shown(points: Points) -> Scene:
    return scene(points, QUICK, 370, END)


def test_a_scene_holds_what_the_replay_said(points: Points, shown: Scene) -> None:
    verdicts = replay(points[:END], QUICK)
    alarms, _ = watch(Watch(), verdicts.strength, verdicts.is_anomaly)
    np.testing.assert_array_equal(shown.verdicts.score, verdicts.score[370:])
    np.testing.assert_array_equal(shown.alarms.alarm, alarms.alarm[370:])
    assert {len(row) for row in shown.channels.values()} == {END - 370}
    assert np.argmax(shown.channels["novelty"]) == PLACE - 370
    assert shown.event[0] == PLACE - 370


def test_a_scene_begins_with_the_training_that_its_model_is_of(points: Points) -> None:
    early = scene(points, QUICK, 0, END)
    assert early.times[0] > early.trained_to
    assert len(early.points) == len(early.verdicts) == len(early.alarms.alarm)


def test_the_picture_names_every_channel_and_tells_the_reason(shown: Scene) -> None:
    figure = picture(shown)
    strips = figure.axes[1]
    assert [label.get_text() for label in strips.get_yticklabels()] == list(shown.channels)
    assert shown.verdicts.reasons[PLACE - 370] in figure.axes[3].get_xlabel()
