"""What is timed: made-up series, and each cost as a call of the product's own interface."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from app.detection import Model, Points, Settings, State, Verdicts, advance, fit, replay, start

HISTORY_POINTS = 10_000
STREAMED_POINTS = 1_000
WARM_POINTS = 50
REPLAYED_POINTS = 100_000
DAY_POINTS = 288
INTERVAL_NS = 300 * 1_000_000_000
SETTINGS = Settings()
MICRO = 1e6


@dataclass(frozen=True)
class Cost:
    """What was measured, in a unit; reference: the same of plain scikit-learn, None for none."""

    name: str
    unit: str
    value: float
    reference: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference if self.reference else None


def daily(n: int, fields: int = 1, seed: int = 0) -> Points:
    """A noisy daily sine, a point each five minutes; fields differ in phase and noise."""
    generator = np.random.default_rng(seed)
    phase = np.arange(n)[:, None] / DAY_POINTS + np.arange(fields) / fields
    values = 100.0 + 10.0 * np.sin(2 * np.pi * phase) + generator.normal(size=(n, fields))
    return Points.checked(np.arange(n) * INTERVAL_NS, values)


def trained(fields: int = 1) -> tuple[Model, Points]:
    """A model of a history, and the points that follow it."""
    points = daily(HISTORY_POINTS + WARM_POINTS + STREAMED_POINTS, fields)
    return fit(points[:HISTORY_POINTS], SETTINGS), points[HISTORY_POINTS:]


def streamed(fields: int = 1) -> Iterator[Cost]:
    """One point at a time, as `/score` judges them, and the reference's one row at a time."""
    model, following = trained(fields)
    took = _one_by_one(model, following)
    suffix = "" if fields == 1 else f" of {fields} fields"
    reference = sklearn_one_row(fields)
    for name, share in (("median", 0.5), ("p99", 0.99)):
        yield Cost(
            f"one streamed point{suffix}, {name}",
            "us",
            float(np.quantile(took, share)) * MICRO,
            float(np.quantile(reference, share)) * MICRO,
        )


def sklearn_one_row(fields: int = 1, calls: int = 100) -> list[float]:
    """Seconds of each `IsolationForest.score_samples` on one row of raw values."""
    values = daily(HISTORY_POINTS, fields).values
    forest = IsolationForest(random_state=0).fit(values)
    forest.score_samples(values[:1])
    return [seconds(partial(forest.score_samples, values[i : i + 1])) for i in range(calls)]


def batched() -> Iterator[Cost]:
    """A history's worth of points in one call."""
    points = daily(2 * HISTORY_POINTS)
    model = fit(points[:HISTORY_POINTS], SETTINGS)
    advance(model, start(model), points[HISTORY_POINTS : HISTORY_POINTS + WARM_POINTS])
    forest = IsolationForest(random_state=0).fit(points[:HISTORY_POINTS].values)
    yield Cost(
        "10,000 points in one batch",
        "s",
        seconds(lambda: advance(model, start(model), points[HISTORY_POINTS:])),
        seconds(lambda: forest.score_samples(points[HISTORY_POINTS:].values)),
    )


def replayed() -> Iterator[Cost]:
    """A file's worth of points, trainings included, as `tocsin detect` judges them."""
    points = daily(REPLAYED_POINTS)
    yield Cost("100,000 points replayed", "s", seconds(lambda: replay(points, SETTINGS, 0.15)))


def stored() -> Iterator[Cost]:
    """What a model takes in a database."""
    for fields in (1, 64):
        size = len(trained(fields)[0].to_bytes()) / 1e6
        yield Cost(f"stored model, {fields} field{'s'[: fields > 1]}", "MB", size)


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _one_by_one(model: Model, points: Points) -> npt.NDArray[np.float64]:
    """Seconds of each point; the first ones warm caches and do not count."""
    state: State = start(model)
    took = np.empty(len(points))
    for i in range(len(points)):
        began = time.perf_counter()
        verdict, state = advance(model, state, points[i : i + 1])
        took[i] = time.perf_counter() - began
        _refuse_unjudged(verdict)
    return took[WARM_POINTS:]


def _refuse_unjudged(verdict: Verdicts) -> None:
    if len(verdict) != 1 or not verdict.model_based[0]:
        raise RuntimeError("a point was timed that no model judged")
