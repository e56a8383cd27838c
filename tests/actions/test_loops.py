"""Whoever needs the detector's loops has them, and nobody loads them twice."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import os
from threading import Thread
from app.actions import loops
from app.detection import compiled

def load():
    loops.load()
    seen.append(sum(len(loop.signatures) for loop in compiled._LOOPS))

seen = []
threads = [Thread(target=load) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert min(seen) == max(seen) > 40, seen
child = os.fork()
if not child:
    load()
    os._exit(seen[-1] != seen[0])
assert os.waitpid(child, 0)[1] == 0
"""


def test_who_comes_while_they_are_loaded_waits_and_a_fork_has_them() -> None:
    command = [sys.executable, "-c", LOAD]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
