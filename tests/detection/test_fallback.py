"""Before there is a forest the reasons say how far the history is."""

import numpy as np

from app.detection import FOREST_POINTS, MINIMUM_POINTS, Points, State, Verdicts, advance


def judged(values: object) -> Verdicts:
    values = np.asarray(values, np.float64)
    points = Points.checked(np.arange(len(values)) * 60_000_000_000, values)
    return advance(None, State(Points.empty(1)), points)[0]


def test_a_usual_value_says_how_many_points_are_there_and_how_many_the_forest_needs() -> None:
    reasons = judged(np.arange(FOREST_POINTS + 5) % 7).reasons
    for place in range(MINIMUM_POINTS, FOREST_POINTS - 1):
        assert reasons[place] == (
            f"within the usual range so far ({place + 1} points; the forest needs {FOREST_POINTS})"
        )
    assert set(reasons[FOREST_POINTS - 1 :]) == {"within the usual range"}


def test_an_anomaly_says_it_too() -> None:
    values = np.arange(FOREST_POINTS + 5) % 7.0
    values[[40, -1]] = 5_000
    reasons = judged(values).reasons
    assert reasons[40].endswith(f"(41 points; the forest needs {FOREST_POINTS})")
    assert "the forest" not in reasons[-1]


def test_what_one_of_several_fields_did_three_times_before_is_no_news() -> None:
    values = np.stack([np.arange(60) % 7.0, np.full(60, 32.0)], axis=1)
    values[[20, 28, 36, 44, 52], 1] = 31.0
    points = Points.checked(np.arange(60) * 60_000_000_000, values)
    verdicts = advance(None, State(Points.empty(2)), points)[0]
    assert np.flatnonzero(verdicts.is_anomaly).tolist() == [20, 28, 36]


def test_points_without_a_value_do_not_count() -> None:
    values = np.arange(40) % 7.0
    values[10:20] = np.nan
    assert "(30 points; " in judged(values).reasons[-1]
