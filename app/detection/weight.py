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
    parts: list[object] = _inside(of)
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
        else:
            parts.extend(_inside(part))
    return sum(buffers.values())


def _inside(of: object) -> list[object]:
    if slots := getattr(of, "__slots__", ()):
        return [getattr(of, name) for name in slots]
    return list(getattr(of, "__dict__", {}).values())
