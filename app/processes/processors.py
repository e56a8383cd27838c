"""How many processors this process may use, and which of them it keeps to."""

import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of so many, or max


def usable(quota: Path = QUOTA) -> int:
    """Those of its affinity, or what the limit of a container comes to, if that is less."""
    has_affinity = hasattr(os, "sched_getaffinity")
    here = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        most_us, of_us = map(int, quota.read_text().split())
    except (OSError, ValueError):  # there is none, or none is set: "max"
        return here
    return max(1, min(here, math.ceil(most_us / of_us)))


def keep_to_one(number: int, processes: int) -> None:
    """To the one of this number (from 0), where there are as many processes as processors.

    Threads of a process hand the interpreter's lock on all the time. From processor to processor
    that takes an interrupt and a cold cache each time. For threads that are begun after it; with
    fewer or more processes the kernel knows better.
    """
    if hasattr(os, "sched_setaffinity"):
        here = sorted(os.sched_getaffinity(0))
        if len(here) == processes:
            os.sched_setaffinity(0, {here[number]})
