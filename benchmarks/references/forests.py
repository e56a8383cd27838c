"""scikit-learn alone: as many forests, trees and features as a model of one field has."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from app.detection import Settings
from app.detection.forest import FOLDS
from app.detection.model import view_columns

SETTINGS = Settings()
FEATURES = [len(columns) for columns in view_columns(1)]
TRAINING_ROWS = 10_000
MODELS_MADE = 8
Rows = npt.NDArray[np.float32]


def fit_s(rows: int = TRAINING_ROWS) -> float:
    """Seconds to fit all forests of a training, the cross-fitted ones too, one after the other."""
    views = [_rows(rows, features) for features in FEATURES]
    seen_by_a_fold = rows - rows // FOLDS
    _forest(SETTINGS.n_estimators).fit(views[0])
    begun = time.perf_counter()
    for view in views:
        _forest(SETTINGS.n_estimators).fit(view)
        for _ in range(FOLDS):
            _forest(SETTINGS.n_estimators // 2).fit(view[:seen_by_a_fold])
    return time.perf_counter() - begun


def score_s(rows: int, rounds: int, models: int = 1) -> list[float]:
    """Seconds of each round to score so many rows by all forests of the models, each of which has
    as many of the rows. A few forests stand for those of many models: the caches know them."""
    views = [_rows(rows, features) for features in FEATURES]
    made = [_model() for _ in range(min(models, MODELS_MADE))]
    spans = [slice(i * rows // models, (i + 1) * rows // models) for i in range(models)]
    took = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        for place, span in enumerate(spans):
            for forest, view in zip(made[place % len(made)], views, strict=True):
                forest.score_samples(view[span])
        took.append(time.perf_counter() - begun)
    return took[1:]


def _model() -> list[IsolationForest]:
    return [
        _forest(SETTINGS.n_estimators).fit(_rows(TRAINING_ROWS, features)) for features in FEATURES
    ]


def _forest(trees: int) -> IsolationForest:
    return IsolationForest(
        n_estimators=trees, max_samples=SETTINGS.max_samples, random_state=SETTINGS.random_state
    )


def _rows(rows: int, features: int) -> Rows:
    generator = np.random.default_rng(features)
    return generator.normal(size=(rows, features)).astype(np.float32)
