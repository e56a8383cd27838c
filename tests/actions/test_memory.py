"""A process keeps what it needs of the series that were asked for last, within so many bytes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from app.actions.memory import NOTHING, OBJECTS_BYTES, Kept, Series, SeriesMemory
from app.cache.windows import Window
from app.detection import Model, Points, Settings, State, advance, fit, held_bytes, start

ROOT = Path(__file__).resolve().parents[2]
TENANT = uuid4()
WINDOW_BYTES = 8 * 2 * 1000  # times and values
EACH = OBJECTS_BYTES + WINDOW_BYTES

GROWTH = """
import gc, sys
from uuid import uuid4
import numpy as np
from app.actions.memory import SeriesMemory
from app.cache.windows import Window
from app.detection import Model, Points, State, advance
from benchmarks.memory import _kib

SERIES = 120
packed, given = open(sys.argv[1], "rb").read(), np.load(sys.argv[2])
points = Points.checked(given[:, 0].astype(np.int64), given[:, 1])
model = Model.from_bytes(packed)

def judged():
    model = Model.from_bytes(packed)
    _, state = advance(model, State.after(model, points[:-1]), points[-1:])
    return state

memory, kept = SeriesMemory(10**10), judged()
gc.collect()
before = _kib("self", "status", "VmRSS:")
for _ in range(SERIES):
    memory.put_window((uuid4(), uuid4()), Window(1, len(points), 1, judged()))
gc.collect()
grown = (_kib("self", "status", "VmRSS:") - before) * 1024
print(memory.held_bytes / grown)
"""


def one() -> Series:
    return TENANT, uuid4()


def window(rows: int = 1000, version: int = 0) -> Window:
    points = Points.checked(np.arange(rows), np.zeros(rows))
    return Window(1, rows, version, State(points))


def trained(beats: bool = False) -> tuple[Model, Points]:
    noise = np.random.default_rng(0).normal(0, 0.05, 2000)
    values = np.tile(np.linspace(0, 1, 40), 50) + noise if beats else noise
    points = Points.checked(np.arange(2000) * 10**9, values)
    return fit(points, Settings(n_estimators=30)), points


@pytest.fixture(scope="module")
def judged() -> tuple[Model, State]:
    """A model, and a state that it made."""
    model, points = trained()
    return model, State.after(model, points)


def test_the_series_that_was_not_asked_for_longest_goes_first() -> None:
    memory = SeriesMemory(3 * EACH)
    first, second, third, fourth = (one() for _ in range(4))
    for series in (first, second, third):
        memory.put_window(series, window())
    memory.get(first)
    memory.put_window(fourth, window())
    assert memory.get(second) is NOTHING
    assert NOTHING not in [memory.get(series) for series in (first, third, fourth)]
    assert memory.held_bytes == 3 * EACH


def test_a_large_one_makes_as_many_go_as_it_needs() -> None:
    memory = SeriesMemory(4 * EACH)
    small, large = [one() for _ in range(4)], one()
    for series in small:
        memory.put_window(series, window())
    memory.put_window(large, window(rows=2000))
    assert [memory.get(series) is NOTHING for series in small] == [True, True, False, False]
    assert memory.held_bytes == 3 * EACH + WINDOW_BYTES


def test_what_is_larger_than_all_of_it_is_not_kept_and_drives_nobody_out() -> None:
    memory = SeriesMemory(EACH)
    small, large = one(), one()
    memory.put_window(small, window())
    memory.put_window(large, window(rows=1001))
    assert memory.get(large) is NOTHING
    assert memory.get(small).window
    memory.put_window(small, window(rows=1001))  # it grew
    assert memory.get(small) is NOTHING
    assert memory.held_bytes == 0


def test_a_later_window_takes_the_place_of_the_one_before() -> None:
    memory, series, later = SeriesMemory(10**6), one(), window(rows=500)
    memory.put_window(series, window())
    memory.put_window(series, later)
    assert memory.get(series).window is later
    assert memory.held_bytes == EACH - WINDOW_BYTES / 2


def test_what_is_dropped_is_not_counted() -> None:
    memory, series = SeriesMemory(10**6), one()
    memory.put_window(series, window())
    memory.drop(series)
    memory.drop(series)
    assert memory.get(series) is NOTHING
    assert memory.held_bytes == 0


def test_a_model_counts_once_though_the_window_leads_to_it(judged: tuple[Model, State]) -> None:
    model, state = judged
    memory, series = SeriesMemory(10**8), one()
    memory.put_model(series, 1, model)
    memory.put_window(series, Window(1, 2000, 1, state))
    assert memory.held_bytes == OBJECTS_BYTES + held_bytes(model) + held_bytes(state)


def test_a_window_brings_the_model_that_made_it(judged: tuple[Model, State]) -> None:
    model, state = judged
    kept = NOTHING.with_window(Window(1, 2000, 7, state))
    assert (kept.version, kept.model, kept.is_at_hand) == (7, model, True)
    assert kept.size_bytes == OBJECTS_BYTES + held_bytes(model) + held_bytes(state)


def test_what_is_counted_is_what_is_held_as_a_stream_goes_on() -> None:
    model, points = trained()
    memory, series, state = SeriesMemory(10**8), one(), start(model)
    for n in range(3):
        later = Points(points.times[-1:] + (n + 1) * 10**9, np.array([[50.0 * n]]))
        _, state = advance(model, state, later)
        memory.put_window(series, Window(1, 2001 + n, 1, state))
        assert state.memory.shape[1] == n + 1
        assert memory.held_bytes == OBJECTS_BYTES + held_bytes(model) + held_bytes(state)


def test_a_new_version_lets_go_of_what_the_one_before_made(judged: tuple[Model, State]) -> None:
    model, state = judged
    kept = NOTHING.with_window(Window(1, 2000, 1, state)).with_model(2, replace(model))
    assert not kept.is_at_hand
    assert kept.window
    assert kept.window.state.trail is None
    assert kept.window.state.recent is state.recent
    assert kept.window_bytes <= held_bytes(state)


@pytest.mark.parametrize(
    ("kept", "is_at_hand"),
    [
        (NOTHING, False),
        (Kept(window=window()), True),  # judged by the rule of thumb
        (Kept(window=window(version=2)), False),
        (Kept(version=2), False),
        (Kept(version=2, window=window(version=2)), True),
    ],
)
def test_at_hand_is_a_window_with_the_model_that_judged(kept: Kept, is_at_hand: bool) -> None:
    assert kept.is_at_hand is is_at_hand


def test_threads_at_the_same_time_never_make_it_more_than_it_may_be() -> None:
    memory, all_of_them = SeriesMemory(20 * EACH), [one() for _ in range(40)]

    def use(seed: int) -> int:
        random, most = np.random.default_rng(seed), 0
        for place in random.integers(0, len(all_of_them), 2000):
            series = all_of_them[place]
            if place % 5:
                memory.put_window(series, window(rows=int(random.integers(1, 3000))))
            else:
                memory.drop(series)
            most = max(most, memory.held_bytes)
        return most

    with ThreadPoolExecutor(8) as threads:
        most = max(threads.map(use, range(8)))
    assert most <= 20 * EACH
    kept = [memory.get(series) for series in all_of_them]
    held = sum(each.size_bytes for each in kept if each is not NOTHING)
    assert memory.held_bytes == held > 0


@pytest.mark.parametrize("beats", [False, True], ids=["by points", "by the course too"])
def test_the_account_is_what_the_process_grows_by(beats: bool, tmp_path: Path) -> None:
    model, points = trained(beats)
    assert (model.shape is not None) is beats
    (tmp_path / "model").write_bytes(model.to_bytes())
    np.save(tmp_path / "points.npy", np.stack([points.times, points.values[:, 0]], axis=1))
    files = [str(tmp_path / name) for name in ("model", "points.npy")]
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, *files], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 0.8 < float(done.stdout) < 1.3
