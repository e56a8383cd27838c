"""Where figures come from: the commit, the day, the machine and the versions that made them."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("numpy", "scipy", "scikit-learn")
MEASURED = ("app/detection", "benchmarks", "requirements.lock")


def provenance(measured: Sequence[str] = MEASURED) -> dict[str, str]:
    """Facts for a report, by name; whether what was measured is as it is in the commit, too."""
    return {
        "commit": _commit(measured),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def fingerprint(paths: Iterable[Path]) -> str:
    """A hash of all files given and of the Python files under the folders given.

    The contents count and not the commit, so that an edit that is not committed counts too.
    """
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(ROOT)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _commit(measured: Sequence[str]) -> str:
    commit = _git("rev-parse", "--short=12", "HEAD")
    is_clean = not _git("status", "--porcelain", "--", *measured)
    return (commit if is_clean else f"{commit} with changes") if commit else "no commit"


def _git(*words: str) -> str:
    """What git answers; nothing where this is no checkout."""
    try:
        answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
