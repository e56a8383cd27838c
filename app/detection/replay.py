"""A whole file judged causally, as if it had arrived point by point.

Each point is judged by the last model before it, and only then learned from (prequential; Dawid
1984). A model is trained after the warm-up, and whenever history has grown by a quarter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from app.detection.detector import State, advance
from app.detection.fallback import nothing
from app.detection.model import Model
from app.detection.points import Points
from app.detection.settings import Settings
from app.detection.training import FOREST_POINTS, Progress, fit
from app.detection.verdict import Verdicts
from app.errors import FieldError, Invalid

WARMUP_SHARE = 0.15
WARMUP_SHARE_MOST_POINTS = 750  # a share means no more than this, as in the benchmark NAB
GROWTH = 1.25  # trained again whenever the history has grown by a quarter
GROWTH_LEAST_POINTS = 100


def replay(
    points: Points,
    settings: Settings,
    warmup: float = WARMUP_SHARE,
    progress: Progress | None = None,
    names: Sequence[str] = (),
) -> Verdicts:
    """Verdicts on all points, each from models trained strictly before it.

    warmup: points before the first training, as a number (int) or a share (float below 1, which
    means 750 points at most); at least 64. Up to there the fallback answers. `progress` is called
    with shares up to 1.
    """
    tell = progress or (lambda _share: None)
    parts: list[Verdicts] = []
    for begin, end in spans(points, warmup):
        model = model_before(points[:begin], settings) if begin else None
        verdicts, _ = advance(model, State.after(model, points[:begin]), points[begin:end], names)
        parts.append(verdicts)
        tell(end / len(points))
    return Verdicts.joined(parts) if parts else nothing(points.fields)


def spans(points: Points, warmup: float = WARMUP_SHARE) -> Iterator[tuple[int, int]]:
    """Where each block of a replay begins and ends; a model is trained at each beginning but 0."""
    begin, end = 0, min(len(points), warmup_points(len(points), warmup))
    while begin < len(points):
        yield begin, end
        begin, end = end, min(len(points), max(end + GROWTH_LEAST_POINTS, int(end * GROWTH)))


def warmup_points(n: int, warmup: float) -> int:
    """Points before the first training of n; raises `Invalid` unless a number or a share."""
    if isinstance(warmup, int) and not isinstance(warmup, bool) and warmup >= 0:
        return max(FOREST_POINTS, warmup)
    if isinstance(warmup, float) and 0 <= warmup < 1:
        return max(FOREST_POINTS, min(int(warmup * n), WARMUP_SHARE_MOST_POINTS))
    message = "must be a number of points, or a share below 1"
    raise Invalid("The warm-up is not valid", [FieldError("warmup", message)])


def model_before(history: Points, settings: Settings) -> Model | None:
    """The model of a history, or None where too many of its values are missing to train."""
    has_value = ~np.isnan(history.values).all(axis=1)
    return fit(history, settings) if np.count_nonzero(has_value) >= FOREST_POINTS else None
