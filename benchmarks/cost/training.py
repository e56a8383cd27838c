"""A training in a process of its own, so that its peak of memory is its own.

`python -m benchmarks.cost.training ours` prints seconds and growth of the peak in MB as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.cost.workloads import HISTORY_POINTS, SETTINGS, Cost, daily, seconds
from benchmarks.memory import forget_peak, grown_mb
from benchmarks.provenance import ROOT


def trainings() -> list[Cost]:
    """Seconds and memory of a training on 10,000 points, ours and the reference's."""
    ours, reference = _apart("ours"), _apart("reference")
    name = "training on 10,000 points"
    return [
        Cost(name, "s", ours["seconds"], reference["seconds"]),
        Cost(f"{name}, growth of peak memory", "MB", ours["peak_mb"]),
    ]


def _apart(who: str) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, who]
    answer = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _train(who: str) -> None:
    from sklearn.ensemble import IsolationForest

    from app.detection import fit

    points = daily(HISTORY_POINTS)
    _warm_up()
    before = forget_peak()
    if who == "ours":
        took = seconds(lambda: fit(points, SETTINGS))
    else:
        took = seconds(lambda: IsolationForest(random_state=0).fit(points.values))
    print(json.dumps({"seconds": took, "peak_mb": grown_mb(before)}))


def _warm_up() -> None:
    """Imports that the first training does, and that a worker has behind it."""
    from app.detection import fit

    fit(daily(100), SETTINGS)


if __name__ == "__main__":
    _train(sys.argv[1])
