"""Thresholds chosen on one half and scored on the other."""

import numpy as np
import pytest

from benchmarks.quality.halves import halves, scores_over_halves
from benchmarks.quality.nab import PROFILES, Gains, judged

NAMES = [f"series-{i}" for i in range(9)]


def test_the_halves_share_nothing_and_leave_nothing_out() -> None:
    for chosen_on, scored_on in halves(NAMES):
        assert sorted([*chosen_on, *scored_on]) == NAMES
        assert abs(len(chosen_on) - len(scored_on)) == 1


def test_each_split_is_used_both_ways_round() -> None:
    splits = list(halves(NAMES, splits=20))
    assert len(splits) == 40
    assert all(splits[i] == splits[i + 1][::-1] for i in range(0, 40, 2))
    assert len({tuple(first) for first, _ in splits}) > 30


def test_the_same_series_are_split_alike_each_time() -> None:
    assert list(halves(NAMES)) == list(halves(NAMES))


def with_alarm(true: float, false: float) -> Gains:
    """A series with one detected window, and 40 false alarms of another strength."""
    alarms = np.zeros(200)
    alarms[100], alarms[31:71] = true, false
    return judged(alarms, [(100, 119)], PROFILES["standard"])


def test_a_detector_that_is_comparable_between_series_loses_nothing() -> None:
    by_name = {name: with_alarm(0.9, 0.5) for name in NAMES}
    assert scores_over_halves(by_name) == [pytest.approx(100.0)] * 40


def test_a_detector_whose_alarms_mean_something_else_on_each_series_is_found_out() -> None:
    """A threshold of 0.5 suits the one kind and raises all false alarms of the other."""
    kinds = [with_alarm(0.5, 0.1), with_alarm(0.9, 0.5)]
    by_name = {name: kinds[i % 2] for i, name in enumerate(NAMES)}
    assert np.mean(scores_over_halves(by_name)) < 50.0
