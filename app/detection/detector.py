"""The fold over a series: one point or many, the same arithmetic, the same verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from app.detection import fallback
from app.detection.arithmetic import Floats
from app.detection.calibration import MEMORY_POINTS
from app.detection.fallback import FALLBACK_LOOKBACK
from app.detection.judgement import judged, remembered
from app.detection.model import Model
from app.detection.points import Points
from app.detection.training import framed
from app.detection.verdict import Verdicts
from app.errors import Invalid


@dataclass(frozen=True, eq=False)
class State:
    """All that verdicts need of the past.

    recent: the last points, as many as `lookback_points`. memory: (channels, up to 512), what stood
    out among the last points since the training; it follows from recent and only saves time.
    """

    recent: Points
    memory: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @classmethod
    def after(cls, model: Model | None, points: Points) -> State:
        """The state as if `advance` had just seen these points; no more is kept than needed."""
        recent = points[max(0, len(points) - lookback_points(model)) :]
        return cls(recent) if model is None else cls(recent, _memory(model, recent))


def lookback_points(model: Model | None) -> int:
    """How many points before a point its verdict may depend on; None is the fallback."""
    return FALLBACK_LOOKBACK if model is None else model.lookback_points + MEMORY_POINTS


def start(model: Model) -> State:
    """The state where the model's training ended."""
    return State(model.recent, model.nothing_yet())


def advance(
    model: Model | None, state: State, points: Points, names: Sequence[str] = ()
) -> tuple[Verdicts, State]:
    """Judge points that follow the state, each by itself and what came before it.

    Without a model the fallback answers, from 12 points on. `names` of the fields serve the reasons
    only. One point at a time, or in batches of any size: the same verdicts, bit for bit. Raises
    `Invalid` for points that do not follow, or have another number of fields than the model.
    """
    after, first = state.recent.append(points), len(state.recent)
    kept = after[max(0, len(after) - lookback_points(model)) :]
    if model is None:
        return fallback.advance(after, first, names), State(kept)
    if points.fields != model.fields:
        raise Invalid(
            f"The model was trained on {model.fields} values a point, not {points.fields}"
        )
    frame = framed(after, first, model.scale, model.lookback_points, model.zone)
    memory, parts = state.memory, []
    for _, block in frame.blocks():
        verdicts, memory = judged(model, block, memory, names)
        parts.append(verdicts)
    together = Verdicts.joined(parts) if parts else fallback.nothing(points.fields)
    return together, State(kept, memory)


def _memory(model: Model, recent: Points) -> Floats:
    """What is remembered of the points after the training, of the last 512 at most."""
    trained = int(np.searchsorted(recent.times, model.trained_to_ns, side="right"))
    first = max(trained, len(recent) - MEMORY_POINTS)
    if first == len(recent):
        return model.nothing_yet()
    frame = framed(recent, first, model.scale, model.lookback_points, model.zone)
    parts = [remembered(model, block) for _, block in frame.blocks()]
    return np.concatenate(parts, axis=1)
