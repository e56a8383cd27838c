"""SIGTERM to the server under load, and a new one in its place."""

import os
import signal
import time

from tests.chaos.ground import await_end
from tests.chaos.rows import Outcome, Row, Run
from tests.service import wait_until

TIMES = 10
REFUSED = "ConnectError"  # nobody took it: the client asks again
GAVE_UP = "ReadTimeout"  # a server that ends closes its connections: nothing waits on a dead one


def terminated(run: Run, told: Outcome) -> None:
    """A new connection for each request: what was accepted is answered, or nobody knows of it.

    A kept one may be closed just as the next request is sent: that is not accepted, and not here.
    """
    ground = run.scene.ground
    with run.scene.load.on_new_connections():
        for _ in range(TIMES):
            server, since = ground.server(), time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            await_end(server)
            told.times += 1
            wait_until(ground.is_ready, "the next server is ready")
            told.took(run.scene.load.recovery_s(since))
            failed = [asked.failure for asked in run.scene.load.since(since)]
            lost = [each for each in failed if each not in ("", REFUSED, GAVE_UP)]
            told.require(not lost, f"accepted and not answered: {lost}")
            told.require_in_time(GAVE_UP not in failed, "a client gave up waiting for its answer")


ROWS = [Row("SIGTERM under load, ten times", "each accepted request answered", terminated)]
