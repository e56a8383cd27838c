"""How much memory a piece of work takes at its peak, in a process of its own.

By Linux's account of the process and not by `ru_maxrss`: there a child begins with its parent's
peak, and whatever stays below that would show as no growth at all.
"""

from pathlib import Path

SELF = Path("/proc/self")
MB_PER_KIB = 1024 / 1e6


def forget_peak() -> float:
    """Begin a new peak here; the memory in use now, in MB."""
    (SELF / "clear_refs").write_text("5")
    return _status_mb("VmRSS")


def grown_mb(before: float) -> float:
    """By how much the peak since `forget_peak` lies above what was in use then."""
    return _status_mb("VmHWM") - before


def _status_mb(name: str) -> float:
    lines = (SELF / "status").read_text().splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(kib) * MB_PER_KIB
