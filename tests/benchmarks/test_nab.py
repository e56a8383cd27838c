"""The score of the Numenta Anomaly Benchmark, against values worked out by hand."""

import csv
import math
import runpy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.quality import nab
from benchmarks.quality.nab import PROFILES, Gains, Window, judged

STANDARD = PROFILES["standard"]
SHARED = Path(__file__).parents[3] / "shared/tools/nab_score.py"
ROWS = 200  # of which 30 are probation
WINDOW = (100, 119)


def alarms(*rows: int, n: int = ROWS) -> npt.NDArray[np.float64]:
    """An alarm of 1 at each of the rows, 0 elsewhere."""
    raised = np.zeros(n)
    raised[list(rows)] = 1.0
    return raised


def score(
    raised: npt.NDArray[np.float64], windows: list[Window], profile: str = "standard"
) -> float:
    gains = judged(raised, windows, PROFILES[profile])
    return gains.score_at(1.0)


@pytest.mark.parametrize("profile", PROFILES)
def test_saying_nothing_is_worth_0(profile: str) -> None:
    assert score(alarms(), [WINDOW], profile) == 0.0


@pytest.mark.parametrize("profile", PROFILES)
def test_an_alarm_on_the_first_row_of_each_window_and_nowhere_else_is_worth_100(
    profile: str,
) -> None:
    assert score(alarms(100, 150), [WINDOW, (150, 169)], profile) == pytest.approx(100.0)


def test_a_later_detection_is_worth_less() -> None:
    """Ten of twenty rows before the window ends, of a sigmoid that is 1 at its left end."""
    half = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)
    assert score(alarms(110), [WINDOW]) == pytest.approx(100 * (half + 1) / 2)


def test_only_the_earliest_detection_of_a_window_counts() -> None:
    assert score(alarms(104, 110, 111), [WINDOW]) == pytest.approx(score(alarms(104), [WINDOW]))


def test_a_false_alarm_before_any_window_costs_its_whole_weight() -> None:
    assert score(alarms(100, 50), [WINDOW]) == pytest.approx(100 * (2 - 0.11) / 2)
    assert score(alarms(100, 50), [WINDOW], "reward_low_FP") == pytest.approx(100 * (2 - 0.22) / 2)


def test_a_false_alarm_soon_after_a_window_costs_less_than_one_far_behind_it() -> None:
    """One row past a window of 20 rows is 1/19 of its length; past 3 lengths all is lost."""
    soon = 0.11 * (2 / (1 + math.exp(5 / 19)) - 1)
    assert score(alarms(100, 120), [WINDOW]) == pytest.approx(100 * (2 + soon) / 2)
    assert score(alarms(100, 195), [WINDOW]) == pytest.approx(100 * (2 - 0.11) / 2)


def test_a_missed_window_costs_twice_where_misses_weigh_more() -> None:
    windows = [WINDOW, (150, 169)]
    assert score(alarms(100), windows) == pytest.approx(50.0)
    assert judged(alarms(), windows, PROFILES["reward_low_FN"]).best == 6.0


def test_alarms_in_probation_do_not_count() -> None:
    assert nab.probation_rows(ROWS) == 30
    assert nab.probation_rows(100_000) == 750
    assert score(alarms(29, 100), [WINDOW]) == pytest.approx(100.0)
    assert score(alarms(30, 100), [WINDOW]) < 100.0


def test_the_best_threshold_takes_the_true_alarm_and_leaves_the_false_one() -> None:
    raised = alarms()
    raised[100], raised[50] = 0.9, 0.5
    gains = judged(raised, [WINDOW], STANDARD)
    assert gains.best_threshold() == 0.9
    assert gains.score_at(0.9) == pytest.approx(100.0)


def test_points_with_the_same_alarm_are_taken_together() -> None:
    """The true one among 100 false ones cannot be had alone: saying nothing is better."""
    gains = judged(alarms(100, *range(40, 80), *range(190, 200)), [WINDOW], STANDARD)
    assert gains.best_threshold() == math.inf
    assert gains.score_at(math.inf) == 0.0


def test_several_series_have_one_threshold_and_one_score() -> None:
    perfect = judged(alarms(100), [WINDOW], STANDARD)
    silent = judged(alarms(), [WINDOW], STANDARD)
    assert Gains.joined([perfect, silent]).score_at(1.0) == pytest.approx(50.0)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared scorer is not beside this repository")
@pytest.mark.parametrize("digits", [15, 1])
def test_the_score_is_that_of_the_shared_scorer(tmp_path: Path, digits: int) -> None:
    theirs = runpy.run_path(str(SHARED))
    data, results = tmp_path / "data", tmp_path / "results"
    parts = made_up(data, results, digits)
    for name, (value, threshold, _) in theirs["score"](data, results).items():
        gains = Gains.joined([judged(*part, PROFILES[name]) for part in parts])
        assert gains.best_threshold() == pytest.approx(threshold)
        assert gains.score_at(gains.best_threshold()) == pytest.approx(value, abs=1e-9)
        assert value > 0


def made_up(
    data: Path, results: Path, digits: int
) -> list[tuple[npt.NDArray[np.float64], list[Window]]]:
    """Three series with noise and mostly detected windows, also as the shared scorer's files."""
    generator = np.random.default_rng(3)
    parts = []
    for n, windows in ((600, [(150, 199), (400, 420)]), (900, [(500, 560)]), (300, [])):
        raised = generator.random(n) ** 20
        for left, right in windows:
            raised[generator.integers(left, right + 1)] = 0.999
        parts.append((np.round(raised, digits), windows))
    write(data, results, parts)
    return parts


def write(
    data: Path, results: Path, parts: list[tuple[npt.NDArray[np.float64], list[Window]]]
) -> None:
    import json

    data.mkdir()
    results.mkdir()
    labels = {}
    for i, (raised, windows) in enumerate(parts):
        labels[f"{i}.csv"] = [[str(left), str(right)] for left, right in windows]
        for folder, column, cells in ((data, "value", raised), (results, "alarm", raised)):
            with (folder / f"{i}.csv").open("w", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["timestamp", column])
                rows.writerows(enumerate(cells.tolist()))
    (data / "windows.json").write_text(json.dumps(labels))
