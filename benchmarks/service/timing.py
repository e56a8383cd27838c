"""How long calls take, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import numpy as np


def seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def quantile_ms(took_s: Iterable[float], share: float) -> float:
    return float(np.quantile(list(took_s), share)) * 1e3
