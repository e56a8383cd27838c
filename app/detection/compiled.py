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

_LOOPS: list[Any] = []  # that are kept on disk

AS_WRITTEN: dict[str, Any] = {"nogil": True, "error_model": "numpy"}  # 1 / 0 is infinite


def compiled(function: Function) -> Function:
    """The function as machine code; kept on disk beside the source where that can be written."""
    return _compiled(function, AS_WRITTEN)


def compiled_without_nan(function: Function) -> Function:
    """The same for a loop that never meets NaN: the least of many is found several at a time."""
    return _compiled(function, {**AS_WRITTEN, "fastmath": {"nnan", "nsz"}})


def preload() -> None:
    """Load the machine code that is on disk, of all loops that were imported.

    Before a process forks: what it forks into would spend half a second on it at the first point.
    """
    for loop in _LOOPS:
        for signature in _on_disk(loop):
            loop.compile(signature)


def _compiled(function: Function, options: dict[str, Any]) -> Function:
    try:
        loop = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for the cache: compiled anew by each process
        return cast("Function", numba.njit(**options)(function))
    _LOOPS.append(loop)
    return cast("Function", loop)


def _on_disk(loop: Any) -> list[Any]:
    """For which arguments it was compiled on a machine like this; numba's index has no public door,
    and where it is not as it was, nothing is loaded before it is needed."""
    try:
        cache, code = loop._cache, loop.targetctx.codegen()
        known = list(cache._cache_file._load_index())
        return [key[0] for key in known if key == cache._index_key(key[0], code)]
    except (AttributeError, TypeError, OSError):
        return []
