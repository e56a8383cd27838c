"""Granian with the settings of the environment: `python -m app.cli.served`, the server's process.

With the number of a descriptor, it loads and then waits at that gate, and listens after it.

It loads the application's modules once and then forks, so that a process that answers is there at
once, also in place of one that died. Where this parent itself dies, its processes go on answering
until there has been time for a new one.
"""

import gc
import os
import signal
import sys
import threading
import time
from functools import partial
from importlib import import_module
from threading import Timer
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from app import logs, settings
from app.actions import draining
from app.processes import keep_to_one_processor, pass_through, usable_processors

APPLICATION = "app.wsgi"
LOADED_BEFORE = (
    "app.api.points",
    "app.api.scores",
    "app.api.system",
    "app.api.training",
    "app.web.application",
)

# Granian's connections hold a place each while they are open, idle ones too.
CONNECTIONS = 16_384
BACKLOG = 4_096
STUCK_AFTER_S = 10
ORPHANED_S = 15.0  # a new parent is there after two, where processors are busy after twelve
LOOK_EVERY_S = 0.5
PRELOAD_AFTER_S = 1.0  # it answers before; whose point comes first waits for it
SPARE_AFTER_S = 10.0  # the parent, for a process that takes the place of a dead one
SHORT_LIFE_S = 5.5
# A page of a thousand verdicts makes more objects than Python's own 700 by far, and each look
# through all that a process keeps of its series holds every thread up for 20 ms.
GARBAGE = (50_000, 20, 100)
RESPAWN_PAUSE_S = 1.0
STOPS_WITHIN_S = 2.0
MOST_SHORT_LIVES = 6  # with their pauses longer than a short life, so one that lives shows by then


def application(number: int, processes: int) -> Any:
    """The application of one process, after the fork: of this number from 0, of so many."""
    keep_to_one_processor(number, processes)
    # The handler that came with the fork would lose a SIGTERM until granian sets the process's own.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_as_orphan, args=(os.getppid(),), daemon=True).start()
    _preload_later(PRELOAD_AFTER_S)
    return import_module(APPLICATION).application


def _load() -> None:
    """What is loaded stays: looking through it for garbage meanwhile takes a tenth of the time, and
    later each process would write into pages that it shares with its parent."""
    gc.disable()
    for module in LOADED_BEFORE:
        import_module(module)
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


def _end_as_orphan(parent_pid: int) -> None:
    """Asked to stop like that, granian answers what it has begun."""
    while os.getppid() == parent_pid:
        time.sleep(LOOK_EVERY_S)
    time.sleep(ORPHANED_S)
    os.kill(os.getpid(), signal.SIGTERM)


def _stop_without_starter(starter_pid: int, drain_s: float) -> None:
    """The kernel tells when whoever started this parent dies, by a signal; seen once that such a
    one was lost. So it is asked again until it has stopped."""
    while os.getppid() == starter_pid:
        time.sleep(LOOK_EVERY_S)
    while True:
        time.sleep(drain_s + STOPS_WITHIN_S)
        os.kill(os.getpid(), signal.SIGTERM)


def _preload_later(after_s: float) -> None:
    """The detector's loops, in the background."""

    def load() -> None:
        from app.actions import loops

        loops.load()

    timer = Timer(after_s, load)
    timer.daemon = True
    timer.start()


class DrainingServer(Granian):  # type: ignore[misc,valid-type,unused-ignore]
    """Asked to stop, it first says so by `/readyz` for a while; asked again, it stops at once.

    A process that dies again and again is forked anew after a pause each, and the others go on:
    granian's own server would end with the second time. This one ends where none lives for long,
    so that who supervises it hears of a start that cannot succeed.
    """

    drain_s = 0.0
    short_lives = 0  # in a row, while none lived longer

    def signal_handler_interrupt(self, *_: Any, **__: Any) -> None:
        is_first = not draining.is_under_way()
        draining.begin()
        if is_first and self.drain_s:
            end = Timer(self.drain_s, super().signal_handler_interrupt)
            end.daemon = True
            end.start()
        else:
            super().signal_handler_interrupt()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> Any:
        return super()._spawn_worker(idx, target, partial(callback_loader, idx, self.workers))

    def _respawn_workers(self, workers: list[int], *args: Any, **kwargs: Any) -> None:
        if any(_age_s(self.wrks[index]) < SHORT_LIFE_S for index in workers):
            self._pause()
            if self.interrupt_signal:
                return
            self._end_if_none_lives_long()
        else:
            self.short_lives = 0
        super()._respawn_workers(workers, *args, **kwargs)
        self.respawned_wrks.clear()  # by these granian would find that it has to end

    def _pause(self) -> None:
        end = time.monotonic() + RESPAWN_PAUSE_S
        while time.monotonic() < end and not self.interrupt_signal:
            time.sleep(LOOK_EVERY_S / 5)

    def _end_if_none_lives_long(self) -> None:
        ages_s = [_age_s(worker) for worker in self.wrks if worker.is_alive()]
        is_one_well = max(ages_s, default=0.0) > SHORT_LIFE_S
        self.short_lives = 0 if is_one_well else self.short_lives + 1
        if self.short_lives > MOST_SHORT_LIVES:
            self.shutdown(exit_code=1)


def _age_s(worker: Any) -> float:
    return time.monotonic() - float(worker.birth)


def main() -> None:
    configured = settings.read()
    _load()
    for gate in sys.argv[1:]:
        pass_through(int(gate))
    _preload_later(SPARE_AFTER_S)
    starter = (os.getppid(), configured.drain_s)
    threading.Thread(target=_stop_without_starter, args=starter, daemon=True).start()
    server = DrainingServer(
        APPLICATION,
        address=configured.host,
        port=configured.port,
        interface=Interfaces.WSGI,
        workers=configured.answering_processes(usable_processors()),
        blocking_threads=configured.api_threads,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=STUCK_AFTER_S,
        log_level=LogLevels(configured.log_level),
        log_dictconfig=logs.of_libraries(configured),
    )
    server.drain_s = configured.drain_s
    server.serve(target_loader=application, wrap_loader=False)
    # Its processes have ended. To take modules and machine code apart would take half a second, for
    # which a supervisor that stops or is started anew waits.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
