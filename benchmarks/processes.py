"""Which processes there are, as Linux tells it under /proc."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def of(ancestor: int, part: str) -> list[int]:
    """Ids of the processes below this one whose command line has the part, and all below those."""
    below = _below(ancestor)
    found = [pid for pid in below if part in _command(pid)]
    return sorted({*found, *(child for pid in found for child in _below(pid))})


def _below(ancestor: int) -> list[int]:
    parents = _parents()
    found, level = [], {ancestor}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += sorted(level)
    return found


def _parents() -> dict[int, int]:
    parents = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may hold blanks and brackets; the state comes after it.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
    return parents


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
