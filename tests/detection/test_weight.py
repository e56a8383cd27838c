from dataclasses import replace

import numpy as np

from app.detection import Model, Points, State, advance, held_bytes

HOUR_NS = 3_600_000_000_000


def points(n: int) -> Points:
    return Points.checked(np.arange(n), np.zeros(n))


def test_of_a_view_all_that_it_keeps_alive_is_counted_once() -> None:
    whole = points(1000)
    cut = State(whole[900:], whole.values[10:20])
    assert held_bytes(cut) == whole.times.nbytes + whole.values.nbytes


def test_the_model_of_a_trail_is_not_counted_with_the_state(
    history: Points, small_model: Model
) -> None:
    state = State.after(small_model, history)
    assert state.trail
    large = replace(small_model, typical=np.zeros(1_000_000))
    other = replace(state, trail=replace(state.trail, model=large))
    assert held_bytes(large) > 8_000_000 > held_bytes(other) == held_bytes(state)


def test_judging_makes_a_model_no_larger_than_was_told(history: Points, small_model: Model) -> None:
    model = Model.from_bytes(small_model.to_bytes())
    before = held_bytes(model)
    later = Points.checked(history.times[-1:] + HOUR_NS, history.values[-1:])
    advance(model, State.after(model, history), later)
    assert before <= held_bytes(model) < 1.02 * before
