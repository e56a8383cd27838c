import numpy as np
import pytest

from app.detection.whitening import OWN_LEAST, products, root


def correlated(n: int, d: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1))
    rows = common @ random.normal(size=(1, d)) + random.normal(size=(n, d))
    scaled: np.ndarray = rows / rows.std(axis=0)
    return scaled


def sums(rows: np.ndarray) -> np.ndarray:
    return products(np.ascontiguousarray(rows))


@pytest.mark.parametrize("d", [2, 7, 64])
def test_the_root_undoes_the_correlation(d: int) -> None:
    rows = correlated(50_000, d)
    found = root(sums(rows), 1e12)
    cut = np.clip(rows, -2, 2)
    length = np.sqrt((cut**2).sum(axis=0))
    correlation = (1 - OWN_LEAST) * (cut.T @ cut) / np.outer(length, length)
    np.fill_diagonal(correlation, 1.0)
    assert found @ correlation @ found == pytest.approx(np.eye(d), abs=1e-9)
    assert np.array_equal(found, found.T)


def test_uncorrelated_fields_stay_as_they_are() -> None:
    rows = np.random.default_rng(1).normal(size=(100_000, 3))
    assert root(sums(rows), 1e12) == pytest.approx(np.eye(3), abs=0.02)


def test_with_few_rows_little_of_the_correlation_is_believed() -> None:
    rows = correlated(200, 8)
    strongest = [np.abs(root(sums(rows), n) - np.eye(8)).max() for n in (2, 20, 200)]
    assert strongest[0] < strongest[1] < strongest[2]


def test_one_wild_row_hardly_changes_what_goes_together() -> None:
    rows = correlated(1000, 2, seed=3)
    wild = rows.copy()
    wild[500] = [1e9, -1e9]
    assert root(sums(wild), 1000) == pytest.approx(root(sums(rows), 1000), abs=0.03)


def test_fields_that_are_the_same_or_never_there_have_a_finite_root() -> None:
    rows = np.random.default_rng(2).normal(size=(5000, 1)) @ np.ones((1, 3))
    rows[:, 2] = np.nan
    found = root(sums(rows), 5000)
    assert np.all(np.isfinite(found))
    assert found[2].tolist() == [0, 0, 1]
