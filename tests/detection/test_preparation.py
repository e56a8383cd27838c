"""No request waits for a loop to be compiled."""

import subprocess
import sys

# In a process of its own: what other tests compiled would hide what was not prepared.
JUDGED_AFTER_PREPARING = """
import sys

import numpy as np

from app.detection import Points, Settings, State, advance, fit, prepare, start

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("app.detection")]
    loops = {id(x): x for module in modules for x in vars(module).values() if hasattr(x, "py_func")}
    return {(loop.py_func.__name__, kind) for loop in loops.values() for kind in loop.signatures}

prepare()
prepared = compiled()
random, days = np.random.default_rng(0), np.arange(1200) * np.pi / 12
for fields in (1, 3):
    values = 10 * np.sin(days)[:, None] + random.normal(0, 0.1, (1200, fields))
    points = Points.checked(np.arange(1200) * 3_600_000_000_000, values)
    model = fit(points[:1000], Settings(n_estimators=5))
    assert (model.shape is not None) == (fields == 1)
    advance(model, start(model), points[1000:1001])
    advance(model, State.after(model, points[:1100]), points[1100:])
    assert compiled() == prepared, compiled() - prepared
"""


def test_training_and_judging_need_no_loop_that_was_not_prepared() -> None:
    subprocess.run([sys.executable, "-c", JUDGED_AFTER_PREPARING], check=True, timeout=120)
