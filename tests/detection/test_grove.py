import numpy as np
import pytest

from app.detection import FIELDS_MAX, Settings, forest
from app.detection.features import FEATURES
from app.detection.forest import Forest
from app.detection.grove import COLUMNS, Grove
from app.errors import Invalid

ROWS = 100
FEW = Settings(n_estimators=3)


def rows(k: int, seed: int = 0, n: int = ROWS) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def grown(k: int, seed: int = 0) -> Forest:
    return forest.fit(rows(k, seed), FEW)


def test_each_forest_sees_its_columns_and_answers_as_it_does_alone() -> None:
    columns = [np.array([4, 0]), np.array([1, 2, 3])]
    forests = [grown(len(own), seed) for seed, own in enumerate(columns)]
    data = rows(5, seed=9)
    together = Grove.of(forests, columns).strangeness(data)
    alone = [one.strangeness(data[:, own]) for one, own in zip(forests, columns, strict=True)]
    assert together.tobytes() == np.stack(alone).tobytes()


@pytest.mark.parametrize("k", [1, 3, 300])
def test_a_grove_keeps_all_that_its_forests_were(k: int) -> None:
    columns = [np.arange(k)[::-1], np.array([0])]
    forests = [grown(k), grown(1)]
    grove = Grove.of(forests, columns)
    for place, (one, own) in enumerate(zip(forests, columns, strict=True)):
        again = Forest.taken(grove, place, own)
        assert (again.rows, again.width) == (one.rows, one.width)
        for name, array in one.arrays().items():
            kept = again.arrays()[name]
            assert (kept.dtype, kept.tobytes()) == (array.dtype, array.tobytes())


def test_a_single_leaf_is_a_tree() -> None:
    alike = forest.fit(np.ones((80, 3)), FEW)
    assert len(alike.feature) == FEW.n_estimators
    assert np.allclose(Grove.of([alike], [np.arange(3)]).strangeness(np.ones((2, 3))), 0.5)


def of(feature: list[int], cuts: int, samples: list[int]) -> Forest:
    return Forest(
        np.array(feature, np.uint8),
        np.zeros(cuts, np.float32),
        np.array(samples, np.uint16),
        rows=ROWS,
        width=2,
    )


CUT, LEAF = 0, 2
ASTRAY = {
    "no tree": of([], 0, []),
    "a tree that does not end": of([CUT, LEAF], 1, [1]),
    "a second tree that does not end": of([LEAF, CUT, LEAF], 1, [1, 1]),
    "more leaves than are told of": of([CUT, LEAF, LEAF], 1, [1]),
    "more leaves told of than there are": of([CUT, LEAF, LEAF], 1, [1, 1, 1]),
    "more cuts than are told of": of([CUT, LEAF, LEAF], 0, [1, 1]),
    "more cuts told of than there are": of([LEAF, LEAF], 1, [1, 1]),
    "a column that there is not": of([3, LEAF, LEAF], 1, [1, 1]),
    "more rows in a leaf than were given": of([LEAF], 0, [ROWS + 1]),
    "a tree deeper than any": of([CUT] * 40 + [LEAF] * 41, 40, [1] * 41),
}


@pytest.mark.parametrize("what", ASTRAY)
def test_trees_that_lead_astray_are_refused(what: str) -> None:
    with pytest.raises(Invalid):
        Grove.of([ASTRAY[what]], [np.arange(2)])


def test_the_trees_that_are_refused_differ_from_sound_ones_in_one_thing() -> None:
    sound = of([CUT, LEAF, LEAF, LEAF], 1, [1, ROWS, 0])
    assert Grove.of([sound], [np.arange(2)]).steps == 1


def test_the_columns_of_the_widest_model_fit_a_link() -> None:
    assert FIELDS_MAX * len(FEATURES) <= COLUMNS
