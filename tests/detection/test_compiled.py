"""What is loaded before a fork need not be loaded by each process at its first point."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from app.detection import Points, Settings, advance, fit, start

ROOT = Path(__file__).resolve().parents[2]
JUDGE = """
import sys
from app.detection import Model, Points, advance, compiled, preload, start
preload()
loaded = {loop: len(loop.signatures) for loop in compiled._LOOPS}
assert sum(loaded.values()) > 40, "nothing was loaded"
model = Model.from_bytes(open(sys.argv[1], "rb").read())
advance(model, start(model), Points.checked([int(model.trained_to_ns) + 10**9], [0.5]))
late = [loop.__name__ for loop, number in loaded.items() if len(loop.signatures) > number]
assert not late, late
"""


def test_after_preloading_a_first_point_compiles_and_loads_nothing(tmp_path: Path) -> None:
    beats = np.tile(np.linspace(0, 1, 40), 50) + np.random.default_rng(0).normal(0, 0.05, 2000)
    points = Points.checked(np.arange(2000) * 10**9, beats)
    model = fit(points[:-1], Settings(n_estimators=5))
    advance(model, start(model), points[-1:])  # so that all of it is on disk
    (tmp_path / "model").write_bytes(model.to_bytes())
    command = [sys.executable, "-c", JUDGE, str(tmp_path / "model")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
