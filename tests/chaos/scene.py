"""An installation, a tenant, clients that load it, and who checks what they were told."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.checker import Checker
from tests.chaos.ground import Ground
from tests.chaos.load import CLIENTS, Load
from tests.chaos.trainings import POINTS, Training


class Scene:
    def __init__(self, ground: Ground, seed: int, clients: int = CLIENTS) -> None:
        self.ground = ground
        self.key = ground.new_tenant()
        self.load = Load(ground.url, self.key, seed, clients)
        self.checker = Checker(ground.url, ground.rows, self.key, self.load.ledger)

    def training(self, series: str, points: int = POINTS) -> Training:
        return Training(self.ground.url, self.key, series, points)


@contextmanager
def set_up(ground: Ground, seed: int, clients: int = CLIENTS) -> Iterator[Scene]:
    """Started and under load; ended with all that belongs to it."""
    try:
        ground.start()
        scene = Scene(ground, seed, clients)
        scene.load.start()
        try:
            yield scene
        finally:
            scene.load.stop()
    finally:
        ground.end()
