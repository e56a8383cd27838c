"""How much memory processes have, and how much a piece of work takes at its peak.

By Linux's account of the process and not by `ru_maxrss`: there a child begins with its parent's
peak, and whatever stays below that would show as no growth at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
MB_PER_KIB = 1024 / 1e6
SELF = ("self",)
Pids = Sequence[int | str]


def forget_peak(pids: Pids = SELF) -> float:
    """Begin a new peak here; the memory in use now, in MB, of all of them."""
    for pid in pids:
        (PROC / str(pid) / "clear_refs").write_text("5")
    return sum(_kib(pid, "status", "VmRSS:") for pid in pids) * MB_PER_KIB


def grown_mb(before: float, pids: Pids = SELF) -> float:
    """By how much the peaks since `forget_peak` lie above what was in use then."""
    return sum(_kib(pid, "status", "VmHWM:") for pid in pids) * MB_PER_KIB - before


def shared_mb(pids: Pids) -> float:
    """What they have in memory together: pages that they share are counted once (PSS)."""
    total_kib = 0
    for pid in pids:
        with suppress(OSError):  # it has ended
            total_kib += _kib(pid, "smaps_rollup", "Pss:")
    return total_kib * MB_PER_KIB


def _kib(pid: int | str, account: str, name: str) -> int:
    lines = (PROC / str(pid) / account).read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
