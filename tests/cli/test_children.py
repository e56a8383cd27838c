"""How the server's processes are run."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.cli import children
from app.detection import Points, Settings, fit
from app.settings import Settings as Environment

ROOT = Path(__file__).resolve().parents[2]
# As a server does that is asked for many more series than it may keep, by its threads.
CHURN = """
import gc, sys
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4
import numpy as np
from app.actions.memory import SeriesMemory
from app.cache.windows import Window
from app.detection import Model, Points, State
from benchmarks.memory import _kib

MOST_BYTES, SERIES, THREADS = 60_000_000, 250, 4
packed = open(sys.argv[1], "rb").read()
points = Points.checked(np.arange(2000) * 10**9, np.load(sys.argv[2]))
memory = SeriesMemory(MOST_BYTES)

def judge(seed):
    random = np.random.default_rng(seed)
    for last in random.integers(600, 2000, SERIES // THREADS):
        model = Model.from_bytes(bytes(bytearray(packed)))
        memory.put_window((uuid4(), uuid4()), Window(1, 1, 1, State.after(model, points[:last])))

judge(0)
gc.collect()
before = _kib("self", "status", "VmRSS:") * 1024 - memory.held_bytes
with ThreadPoolExecutor(THREADS) as threads:
    list(threads.map(judge, range(THREADS)))
gc.collect()
print((_kib("self", "status", "VmRSS:") * 1024 - before) / MOST_BYTES)
"""


@pytest.mark.parametrize(("calls", "has_delivery"), [(32, True), (0, False)])
def test_webhooks_are_called_by_a_process_of_its_own_where_they_are_to_be(
    tmp_path: Path, calls: int, has_delivery: bool
) -> None:
    configured = Environment(
        data_dir=tmp_path,
        database_url="postgresql://tocsin_server@h/d",
        owner_database_url="postgresql://owner@h/d",
        redis_url="redis://h",
        webhook_calls=calls,
    )
    found = {child.name: child for child in children.workers(configured)}
    assert ("delivery" in found) == has_delivery
    knows_the_owner = [
        name for name, child in found.items() if "TOCSIN_OWNER_DATABASE_URL" in (child.env or {})
    ]
    assert knows_the_owner == ["upkeep"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux, and sets what glibc reads")
def test_what_falls_out_of_the_memory_for_series_goes_back_to_the_system(tmp_path: Path) -> None:
    beats = np.tile(np.linspace(0, 1, 40), 50) + np.random.default_rng(0).normal(0, 0.05, 2000)
    model = fit(Points.checked(np.arange(2000) * 10**9, beats), Settings(n_estimators=100))
    (tmp_path / "model").write_bytes(model.to_bytes())
    np.save(tmp_path / "values.npy", beats)
    done = subprocess.run(
        [sys.executable, "-c", CHURN, str(tmp_path / "model"), str(tmp_path / "values.npy")],
        env={**os.environ, **children.ALLOCATION},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 1.4  # 1.6 to 1.8 without
