"""What a model or a state takes in memory."""

from __future__ import annotations

import numpy as np

from app.detection.detector import State
from app.detection.model import Model


def held_bytes(of: Model | State) -> int:
    """Bytes of all arrays that it keeps alive, each counted once, however many views there are.

    Of a model with what judging adds to it; of a state without the model of its trail.
    """
    if isinstance(of, Model):
        _ = of.tables
    buffers: dict[int, int] = {}
    parts: list[object] = list(vars(of).values())
    while parts:
        part = parts.pop()
        kind = type(part)
        if kind is np.ndarray:
            while type(base := part.base) is np.ndarray:  # type: ignore[attr-defined]
                part = base
            buffers[id(part)] = part.nbytes  # type: ignore[attr-defined]
        elif kind is int or kind is float or kind is Model:
            continue
        elif isinstance(part, tuple):
            parts.extend(part)
        elif hasattr(part, "__dict__"):
            parts.extend(vars(part).values())
    return sum(buffers.values())
