"""The fold over a series: one point or many, the same arithmetic, the same verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.detection import fallback
from app.detection.fallback import FALLBACK_LOOKBACK
from app.detection.judgement import judged
from app.detection.model import Model
from app.detection.points import Points
from app.detection.training import framed
from app.detection.verdict import Verdicts
from app.errors import Invalid


@dataclass(frozen=True, eq=False)
class State:
    """All that verdicts need of the past: the last points, as many as the model looks back on."""

    recent: Points

    @classmethod
    def after(cls, model: Model | None, points: Points) -> State:
        """The state as if `advance` had just seen these points; no more is kept than needed."""
        return cls(points[max(0, len(points) - lookback_points(model)) :])


def lookback_points(model: Model | None) -> int:
    """How many points before a point its verdict may depend on; None is the fallback."""
    return FALLBACK_LOOKBACK if model is None else model.lookback_points


def start(model: Model) -> State:
    """The state where the model's training ended."""
    return State(model.recent)


def advance(
    model: Model | None, state: State, points: Points, names: Sequence[str] = ()
) -> tuple[Verdicts, State]:
    """Judge points that follow the state, each by itself and what came before it.

    Without a model the fallback answers, from 12 points on. `names` of the fields serve the reasons
    only. One point at a time, or in batches of any size: the same verdicts, bit for bit. Raises
    `Invalid` for points that do not follow, or have another number of fields than the model.
    """
    seen = state.recent.append(points)
    if model is None:
        return fallback.advance(state.recent, points, names), State.after(None, seen)
    if points.fields != model.fields:
        raise Invalid(
            f"The model was trained on {model.fields} values a point, not {points.fields}"
        )
    frame = framed(state.recent, points, model.scale, model.lookback_points)
    parts = [judged(model, block, names) for _, block in frame.blocks()]
    verdicts = Verdicts.joined(parts) if parts else fallback.nothing(points.fields)
    return verdicts, State.after(model, seen)
