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
from app.detection.trail import Trail, pieces
from app.detection.verdict import Verdicts


@dataclass(eq=False, slots=True)
class State:
    """All that verdicts need of the past.

    recent: the last points, as many as `lookback_points`. memory: (channels, up to 512), what stood
    out among the last points since the training. trail: what one model made of them. Memory and
    trail follow from recent and only save time.
    """

    recent: Points
    memory: Floats = field(default_factory=lambda: np.empty((0, 0)))
    trail: Trail | None = None

    @classmethod
    def after(cls, model: Model | None, points: Points) -> State:
        """The state as if `advance` had just seen these points; no more is kept than needed."""
        recent = points[max(0, len(points) - lookback_points(model)) :]
        if model is None:
            return cls(recent)
        trained = int(np.searchsorted(recent.times, model.trained_to_ns, side="right"))
        first = max(trained, len(recent) - MEMORY_POINTS)
        return cls(recent[:first], model.nothing_yet()).followed_by(model, recent[first:])

    def goes_on_from(self, before: State) -> bool:
        """Whether it holds as much as a state before it, but for the memory: what else is new went
        where there was room."""
        known, trail = before.trail, self.trail
        return known is not None and trail is not None and trail.room is known.room

    def followed_by(self, model: Model | None, points: Points) -> State:
        """The state as if `advance` had gone on from this one and seen these points too."""
        self.recent.refuse_unless_followed(points)
        if model is None:
            return State.after(None, self.recent.append(points))
        trail, memory = _trail(model, self), [self.memory]
        for piece in pieces(points):
            stretch, trail = trail.followed(piece)
            memory.append(remembered(model, stretch))
        kept = np.concatenate(memory, axis=1)[:, -MEMORY_POINTS:]
        return State(trail.recent, kept, trail)


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
    state.recent.refuse_unless_followed(points)
    if model is None:
        return _by_fallback(state.recent, points, names)
    memory, trail, parts = state.memory, _trail(model, state), []
    for piece in pieces(points):
        stretch, trail = trail.followed(piece)
        verdicts, memory = judged(model, stretch, memory, names)
        parts.append(verdicts)
    together = Verdicts.joined(parts) if parts else fallback.nothing(points.fields)
    return together, State(trail.recent, memory, trail)


def _by_fallback(recent: Points, points: Points, names: Sequence[str]) -> tuple[Verdicts, State]:
    after = recent.append(points)
    kept = after[max(0, len(after) - lookback_points(None)) :]
    return fallback.advance(after, len(recent), names), State(kept)


def _trail(model: Model, state: State) -> Trail:
    """The state's own, if it is this model's."""
    known = state.trail
    return known if known and known.model is model else Trail.after(model, state.recent)
