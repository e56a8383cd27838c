"""Series to try the detector on. All are made here, from seeds."""

from collections.abc import Callable

import numpy as np
import pytest

from app.detection import Model, Points, Settings, fit

HOUR_NS = 3_600_000_000_000
Series = Callable[..., Points]


def hourly(values: np.ndarray) -> Points:
    return Points.checked(np.arange(len(values)) * HOUR_NS, values)


def daily_values(n: int, seed: int = 0, fields: int = 1, noise: float = 4.0) -> np.ndarray:
    """A day's wave in whole numbers, quieter at weekends, with noise; (n, fields)."""
    random = np.random.default_rng(seed)
    hours = np.arange(n)
    wave = 100 + 40 * np.sin(2 * np.pi * hours / 24) - 20 * ((hours // 24) % 7 >= 5)
    rounded: np.ndarray = np.round(wave[:, None] + noise * random.normal(size=(n, fields)))
    return rounded


@pytest.fixture
def series() -> Series:
    """Makes hourly points with a daily wave: series(n, seed=0, fields=1)."""

    def make(n: int, seed: int = 0, fields: int = 1) -> Points:
        return hourly(daily_values(n, seed, fields))

    return make


@pytest.fixture(scope="session")
def history() -> Points:
    return hourly(daily_values(900))


@pytest.fixture(scope="session")
def quick() -> Settings:
    """Few trees: for what does not depend on their number."""
    return Settings(n_estimators=12, max_samples=64)


@pytest.fixture(scope="session")
def model(history: Points) -> Model:
    return fit(history, Settings())


@pytest.fixture(scope="session")
def small_model(history: Points, quick: Settings) -> Model:
    return fit(history, quick)
