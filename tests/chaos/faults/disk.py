"""A full disk: an installation on a small file system of its own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.ground import Ground
from tests.chaos.needs import root
from tests.chaos.rows import Outcome, Row, Run
from tests.chaos.scene import set_up

SIZE = "400m"
FULL_S = 10.0
BACK_S = 10.0
BLOCK = b"\0" * 1_000_000


@contextmanager
def small_disk(ground: Ground) -> Iterator[None]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=711", "tmpfs", str(ground.folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(ground.folder)], check=True)


def full(run: Run, told: Outcome) -> None:
    root()
    ground = Ground()
    with small_disk(ground), set_up(ground, run.seed) as scene:
        time.sleep(2)
        since = time.monotonic()
        filler = ground.folder / "filler"
        _fill(filler)
        until = time.monotonic() + FULL_S
        while time.monotonic() < until:
            time.sleep(0.5)
            _fill(filler)  # whatever was freed meanwhile
        failed, _ = scene.load.failures(since)
        told.require(failed > 0, "nothing failed: the disk was not full")
        filler.unlink()
        at = time.monotonic()
        told.times += 1
        told.took(scene.load.recovery_s(at), run.s(BACK_S))
        told.require(ground.up.poll() is None, "the supervisor gave up")
        with scene.load.paused():
            told.compare(scene.checker.check, scene.load.ledger.acknowledged)


def _fill(path: Path) -> None:
    try:
        with path.open("ab", buffering=0) as file:
            while file.write(BLOCK):
                pass
    except OSError:
        return


ROWS = [Row("disk full, then freed", "back in 10 s, nothing lost", full)]
