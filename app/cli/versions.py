"""The oldest versions of the servers that are known to be safe, as of November 2026."""

from typing import Literal

Safety = Literal["safe", "unknown", "unsafe"]

# Major release: first minor with the fixes of August 2025 (CVE-2025-8713 to 8715).
POSTGRES = {15: 14, 16: 10, 17: 6, 18: 0}
# Release line: first patch with the fixes of Lua, October 2025 (CVE-2025-49844 and others).
REDIS = {(7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2}
VALKEY = {(7, 2): 11, (8, 0): 6, (8, 1): 4}
DEBIAN_REDIS = (7, 0)  # ended at its makers; Debian mends it without changing the number


def postgres(version: tuple[int, int]) -> tuple[Safety, str]:
    """Whether it is safe, and what to do where it is not."""
    major, minor = version
    if major < min(POSTGRES):
        return "unsafe", f"Tocsin needs PostgreSQL {min(POSTGRES)} or newer."
    if minor < POSTGRES.get(major, 0):
        return "unsafe", f"Known holes: update to {major}.{POSTGRES[major]} or newer."
    return "safe", ""


def redis(name: str, version: str) -> tuple[Safety, str]:
    """The same for Redis and Valkey."""
    lines = VALKEY if name == "Valkey" else REDIS
    try:
        major, minor, patch = map(int, version.split(".")[:3])
    except ValueError:
        return "unknown", "Its version cannot be read; see that Lua's holes of 2025 are mended."
    line = (major, minor)
    if name == "Redis" and line == DEBIAN_REDIS:
        return "unknown", "Debian mends 7.0 under the same number: keep it up to date by apt."
    if line > max(lines) or patch >= lines.get(line, patch + 1):
        return "safe", ""
    safe = ", ".join(f"{a}.{b}.{first}" for (a, b), first in lines.items())
    return "unsafe", f"Known holes in its Lua (CVE-2025-49844): update to one of {safe} or newer."
