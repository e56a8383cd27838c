"""kill -9 to Postgres."""

from tests.chaos.ground import kill
from tests.chaos.rows import Outcome, Row, Run
from tests.service import wait_until

BACK_S = 1.0
TIMES = 8


def killed(run: Run, told: Outcome) -> None:
    """As soon as the clients are at ease again, once more: back-off must not grow with that."""
    for _ in range(TIMES):
        at = kill(wait_until(run.scene.ground.postgres, "Postgres is there"))
        told.times += 1
        told.took(run.scene.load.recovery_s(at), run.s(BACK_S))


ROWS = [Row("kill -9 Postgres", "back in 1 s, 503 with Retry-After", killed)]
