"""Whether this server was asked to stop: told to all its processes by memory that they share."""

import mmap

_FLAG = mmap.mmap(-1, 1)  # made before the fork, so the parent's mark is seen by each process


def begin() -> None:
    _FLAG[0] = 1


def is_under_way() -> bool:
    return _FLAG[0] == 1
