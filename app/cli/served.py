"""Granian with the settings of the environment: `python -m app.cli.served`, the server's process.

It loads the application's modules once and then forks, so that a process that answers is there at
once, also in place of one that died.
"""

import signal
from importlib import import_module
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app import settings

APPLICATION = "app.wsgi"
LOADED_BEFORE = ("app.api.scores", "app.api.training", "app.web.application")

# Granian's connections hold a place each while they are open, idle ones too.
CONNECTIONS = 16_384
BACKLOG = 4_096
STUCK_AFTER_S = 10


def application() -> Any:
    """The application of one process, after the fork."""
    # The handler that came with the fork would lose a SIGTERM until granian sets the process's own.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return import_module(APPLICATION).application


def main() -> None:
    configured = settings.read()
    for module in LOADED_BEFORE:
        import_module(module)
    Granian(
        APPLICATION,
        address=configured.host,
        port=configured.port,
        interface=Interfaces.WSGI,
        workers=configured.api_processes,
        blocking_threads=configured.api_threads,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STUCK_AFTER_S,
        log_level=LogLevels(configured.log_level),
    ).serve(target_loader=application, wrap_loader=False)


if __name__ == "__main__":
    main()
