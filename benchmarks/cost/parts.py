"""Where the time of a streamed point goes, by the modules of `app.detection` that it passes.

By the profiler, which slows small functions down most: the shares are rough, times are not given.
"""

from __future__ import annotations

import cProfile
from collections import Counter
from pathlib import Path

from app.detection import advance, start
from benchmarks.cost.workloads import trained

POINTS = 300


def shares() -> dict[str, float]:
    """Share of each module in the time of a streamed point, the largest first.

    A library's function counts for the module that calls it; deeper ones for `libraries`.
    """
    model, following = trained()
    state = start(model)
    profile = cProfile.Profile(builtins=False)  # NumPy's own time counts for who calls it
    for i in range(POINTS):
        profile.enable()
        _, state = advance(model, state, following[i : i + 1])
        profile.disable()
    spent: Counter[str] = Counter()
    profile.create_stats()
    for (file, _, _), (_, _, own, _, callers) in profile.stats.items():
        if module := _module(file):
            spent[module] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            spent[_module(caller) or "libraries"] += part
    whole = sum(spent.values())
    return {module: seconds / whole for module, seconds in spent.most_common()}


def _module(file: str) -> str | None:
    """The module of `app.detection` that a file is, or None."""
    path = Path(file)
    return path.stem if path.parent.name == "detection" else None
