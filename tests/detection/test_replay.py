import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as some

from app.detection import FOREST_POINTS, Points, Settings, replay
from app.detection.replay import spans, warmup_points
from app.errors import Invalid

HOUR_NS = 3_600_000_000_000
QUICK = Settings(n_estimators=8, max_samples=32)


@pytest.mark.parametrize(
    ("n", "warmup", "points"),
    [
        (1000, 0.15, 150),
        (100_000, 0.15, 750),
        (100, 0.15, FOREST_POINTS),
        (1000, 300, 300),
        (9, 1, 64),
    ],
)
def test_a_share_caps_at_750_points_and_a_number_is_points(
    n: int, warmup: float, points: int
) -> None:
    assert warmup_points(n, warmup) == points


@pytest.mark.parametrize("warmup", [-1, 1.0, 1.5, -0.1, float("nan"), True])
def test_what_is_neither_share_nor_number_is_refused(warmup: float) -> None:
    with pytest.raises(Invalid):
        warmup_points(1000, warmup)


@given(n=some.integers(0, 3000), warmup=some.integers(0, 3000))
def test_blocks_follow_each_other_and_grow_by_a_quarter(n: int, warmup: int) -> None:
    blocks = list(spans(Points.checked(np.arange(n), np.zeros(n)), warmup))
    assert [begin for begin, _ in blocks] == [0, *(end for _, end in blocks)][: len(blocks)]
    assert not n or blocks[-1][1] == n
    for begin, end in blocks[1:-1]:
        assert end - begin == max(100, int(begin * 0.25))


def test_every_point_has_a_verdict_and_the_first_are_of_the_fallback(history: Points) -> None:
    told: list[float] = []
    verdicts = replay(history[:400], QUICK, 100, told.append)
    assert len(verdicts) == 400
    assert verdicts.model_based.tolist() == [False] * 100 + [True] * 300
    assert told == sorted(told)
    assert told[-1] == 1.0


@run(max_examples=8, deadline=None)
@given(end=some.integers(20, 390))
def test_the_future_does_not_change_a_replay(history: Points, end: int) -> None:
    whole, cut = replay(history[:400], QUICK, 100), replay(history[:end], QUICK, 100)
    assert cut.score.tobytes() == whole.score[:end].tobytes()
    assert cut.reasons == whole.reasons[:end]


def test_short_and_empty_files_are_judged_by_the_fallback(history: Points) -> None:
    assert len(replay(Points.empty(1), QUICK)) == 0
    assert not replay(history[:40], QUICK).model_based.any()


def test_a_file_without_values_is_judged_by_the_fallback() -> None:
    verdicts = replay(Points.checked(np.arange(300), np.full(300, np.nan)), QUICK)
    assert set(verdicts.reasons) == {"no value"}
    assert not verdicts.score.any()


def test_planted_anomalies_are_the_most_anomalous(history: Points) -> None:
    values = history.values.copy()
    values[[500, 620]] += 150
    values[700] -= 150
    verdicts = replay(Points.checked(history.times, values), Settings())
    flagged = set(np.flatnonzero(verdicts.is_anomaly).tolist())
    assert {500, 620, 700} <= flagged
    assert verdicts.score.argmax() in (500, 620, 700)
    learnt = {place for place in flagged if place >= 300}
    assert learnt <= {place + after for place in (500, 620, 700) for after in range(30)}
