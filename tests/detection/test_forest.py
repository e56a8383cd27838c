import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as run
from hypothesis import strategies as some
from sklearn.ensemble import IsolationForest

from app.detection import Settings, forest
from app.errors import Invalid


def rows(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


@run(max_examples=15, deadline=None)
@given(
    seed=some.integers(0, 1000),
    n=some.sampled_from([2, 3, 60, 700]),
    k=some.integers(1, 6),
    samples=some.sampled_from([2, 17, 256]),
)
def test_scores_are_those_of_scikit_learn(seed: int, n: int, k: int, samples: int) -> None:
    data = np.round(rows(n, k, seed), 1)  # ties, and repeated rows
    asked = Settings(n_estimators=20, max_samples=samples, random_state=seed)
    theirs = IsolationForest(n_estimators=20, max_samples=min(samples, n), random_state=seed)
    theirs.fit(data.astype(np.float32))
    new = np.vstack([data, 3 * rows(50, k, seed + 1), np.full((1, k), 1e9)])
    ours = forest.fit(data, asked).strangeness(new)
    np.testing.assert_allclose(ours, -theirs.score_samples(new.astype(np.float32)), atol=1e-9)


def test_a_row_scores_the_same_alone() -> None:
    data = rows(500, 4)
    grown = forest.fit(data, Settings())
    together = grown.strangeness(data)
    alone = np.concatenate([grown.strangeness(data[i : i + 1]) for i in range(100)])
    assert together[:100].tobytes() == alone.tobytes()


def test_rows_alike_grow_a_forest_too() -> None:
    grown = forest.fit(np.ones((80, 3)), Settings(n_estimators=5))
    assert np.allclose(grown.strangeness(np.ones((2, 3))), 0.5)


def test_held_out_rows_look_stranger_than_seen_ones() -> None:
    data = rows(256, 3)
    asked = Settings(n_estimators=60)
    whole = forest.fit(data, asked)
    assert forest.held_out(data, asked, whole).mean() > whole.strangeness(data).mean()


def test_what_a_forest_of_rows_all_alike_cannot_tell_the_whole_one_does() -> None:
    data = np.ones((90, 3))
    data[60:] = 2.0
    asked = Settings(n_estimators=20)
    whole = forest.fit(data, asked)
    held_out = forest.held_out(data, asked, whole)
    np.testing.assert_array_equal(held_out[60:], whole.strangeness(data[60:]))
    assert not np.array_equal(held_out[:60], whole.strangeness(data[:60]))


def test_a_forest_comes_back_from_its_arrays() -> None:
    data = rows(300, 2)
    grown = forest.fit(data, Settings(n_estimators=7))
    again = forest.Forest.rebuilt(grown.arrays(), grown.rows, 2)
    assert again.strangeness(data).tobytes() == grown.strangeness(data).tobytes()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("feature", np.zeros(3, np.int8)),
        ("cuts", np.array([np.nan], np.float32)),
        ("cuts", np.zeros(1)),
        ("samples", np.ones(2, np.int16)),
    ],
)
def test_arrays_that_can_be_no_forest_are_refused(name: str, wrong: np.ndarray) -> None:
    grown = forest.fit(rows(100, 2), Settings(n_estimators=3))
    with pytest.raises(Invalid):
        forest.Forest.rebuilt({**grown.arrays(), name: wrong}, grown.rows, 2)


@pytest.mark.parametrize("given", [0, -1, 65_536])
def test_trees_of_no_rows_or_too_many_are_refused(given: int) -> None:
    grown = forest.fit(rows(100, 2), Settings(n_estimators=3))
    with pytest.raises(Invalid):
        forest.Forest.rebuilt(grown.arrays(), given, 2)
