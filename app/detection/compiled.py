"""Loops over points as machine code.

A verdict is worked out point by point with the same scalar arithmetic, in the same order, whether
one point is judged or a hundred thousand: that makes batches and streams agree bit for bit, and is
quick for both. Nothing here allows the compiler to reorder sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


AS_WRITTEN: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # 1 / 0 is infinite


def compiled(function: Function) -> Function:
    """The function as machine code; kept on disk beside the source where that can be written."""
    return _compiled(function, AS_WRITTEN)


def compiled_without_nan(function: Function) -> Function:
    """The same for a loop that never meets NaN: the least of many is found several at a time."""
    return _compiled(function, {**AS_WRITTEN, "fastmath": {"nnan", "nsz"}})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    try:
        return cast("Function", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # no folder for the cache: compiled anew by each process
        return cast("Function", numba.njit(**options)(function))
