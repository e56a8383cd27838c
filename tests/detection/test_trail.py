"""What a state carries only saves time: verdicts are the same with it, without it, and shared."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from app.detection import Model, Points, Settings, State, Verdicts, advance, fit, start, trail

BEAT = 40
QUICK = Settings(n_estimators=10, max_samples=64)
TRAINED = 1500


def hourly(fields: int, n: int = 3200) -> Points:
    """Beats with noise, a hole, a wild value, another level."""
    noise = np.random.default_rng(5).normal(0, 0.05, (n, fields))
    values = (np.arange(n) % BEAT / BEAT)[:, None] + noise
    values[1700:1703], values[1800, 0], values[2600:] = np.nan, 30.0, values[2600:] + 1
    return Points.checked(np.arange(n) * 3_600_000_000_000, values)


@pytest.fixture(scope="module", params=[1, 2])
def stream(request: pytest.FixtureRequest) -> tuple[Model, Points]:
    points = hourly(request.param)
    return fit(points[:TRAINED], QUICK), points[TRAINED:]


def one_by_one(model: Model, state: State, points: Points) -> tuple[Verdicts, State]:
    parts = []
    for i in range(len(points)):
        verdict, state = advance(model, state, points[i : i + 1])
        parts.append(verdict)
    return Verdicts.joined(parts), state


def same(one: Verdicts, other: Verdicts) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in ("score", "strength", "expected", "lower", "upper", "contributions")
    ) and (one.reasons == other.reasons)


def test_a_stream_that_outgrows_its_room_goes_on_as_if_it_had_not(
    stream: tuple[Model, Points],
) -> None:
    model, points = stream
    assert len(points) > trail.SPARE_ROWS  # else nothing is moved
    whole, _ = advance(model, start(model), points)
    found, _ = one_by_one(model, start(model), points)
    assert same(found, whole)


def test_two_futures_of_one_state_do_not_meet(stream: tuple[Model, Points]) -> None:
    model, points = stream
    _, state = one_by_one(model, start(model), points[:500])
    other = Points.checked(points[500:].times, points[500:].values[::-1])
    first, _ = one_by_one(model, state, other[:60])
    second, after = one_by_one(model, state, points[500:560])
    again, _ = one_by_one(model, state, other[:60])
    alone, _ = one_by_one(model, State(state.recent, state.memory), points[500:560])
    assert same(second, alone)
    assert same(first, again)
    rest, _ = advance(model, after, points[560:])
    expected, _ = advance(model, State.after(model, hourly(points.fields)[:2060]), points[560:])
    assert same(rest, expected)


def test_what_one_future_settles_of_the_last_points_is_open_to_the_other() -> None:
    """Whether the wild value before them is a lone one, the next point tells."""
    model, points = fit(hourly(1)[:TRAINED], QUICK), hourly(1)[TRAINED:]
    _, state = advance(model, start(model), points[:301])  # the last is the wild one
    back, away = points[301:340], points[301:340].values + 30.0
    advance(model, state, back)
    stays = Points.checked(back.times, away)
    ends = []
    for before in (state, State(state.recent, state.memory)):
        found = advance(model, before, stays)[1].trail
        assert found is not None
        assert found.room.course is not None
        ends.append(found.room.course.ends[:, :, found.end - 100 : found.end])
    np.testing.assert_array_equal(ends[0], ends[1])


def test_threads_that_go_on_from_one_state_agree(stream: tuple[Model, Points]) -> None:
    model, points = stream
    _, state = advance(model, start(model), points[:100])
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(one_by_one, model, state, points[100:160]) for _ in range(8)]
        found = [future.result()[0] for future in futures]
    alone, _ = one_by_one(model, State(state.recent, state.memory), points[100:160])
    assert all(same(one, alone) for one in found)


def test_a_trail_of_another_model_is_not_gone_on_with(stream: tuple[Model, Points]) -> None:
    model, points = stream
    _, state = advance(model, start(model), points[:200])
    other = fit(hourly(points.fields)[: TRAINED - 400], QUICK)
    found, _ = advance(other, state, points[200:260])
    expected, _ = advance(other, State(state.recent, state.memory), points[200:260])
    assert same(found, expected)


def test_what_a_state_keeps_of_the_points_cannot_be_written_to(
    stream: tuple[Model, Points],
) -> None:
    model, points = stream
    _, state = advance(model, start(model), points[:10])
    with pytest.raises(ValueError, match="read-only"):
        state.recent.values[0] = 1.0
