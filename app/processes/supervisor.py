"""Stages of children: started in order, kept running, stopped in the reverse order."""

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Self

from app.errors import Unavailable
from app.processes.child import Child
from app.processes.life import IDLE_ROUND_S, READY_POLL_S, Life, Listener

START_ATTEMPTS = 8  # ends before it was ever ready: the trouble will not pass by itself
DOUBLE_DELIVERY_S = 1.0  # `uv run`, make and others repeat the terminal's Ctrl-C at once


class StopAsked(Exception):
    """A signal asked to stop while children were starting; `Supervisor` takes it from there."""


class Supervisor:
    """Runs stages of children; a context manager for the main thread.

    The main thread because the kernel's "parent died" means the thread that started the child.
    With `handles_signals`, SIGINT, SIGTERM and SIGHUP ask to stop; a second one, a second later,
    ends the grace of whoever is still stopping. Without, signals are the caller's business.
    """

    def __init__(
        self, on_event: Listener = lambda _name, _event: None, *, handles_signals: bool = True
    ) -> None:
        self._on_event = on_event
        self._handles_signals = handles_signals
        self._stages: list[list[Life]] = []
        self._resources = contextlib.ExitStack()
        self._wakeups: list[socket.socket] = []
        self._asked_at: float | None = None
        self._is_grace_over = False

    def __enter__(self) -> Self:
        if self._handles_signals:
            self._take_signals()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        with self._resources:
            self.stop()
        return isinstance(error, StopAsked)

    @property
    def is_stop_asked(self) -> bool:
        """Whether a signal has asked to stop; long work between stages may look at it."""
        return self._asked_at is not None

    def start(self, *children: Child) -> None:
        """Start a stage: its children together; return when all are ready. As `await_ready`."""
        self.begin(*children)
        self.await_ready(*(child.name for child in children))

    def begin(self, *children: Child) -> None:
        """Start a stage without waiting for it; the stages before may not be ready either."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("children die with the thread that starts them: use the main thread")
        self._stages.append([Life(child, self._on_event) for child in children])
        if not self.is_stop_asked:
            self._step()

    def await_ready(self, *names: str) -> None:
        """Return when these children are ready, however long it takes.

        Raises Unavailable when one keeps ending before it was ever ready, and StopAsked when a
        signal came: let it pass, leaving the with block swallows it.
        """
        awaited = [life for life in self._lives() if life.child.name in names]
        while not self.is_stop_asked:
            self._step()
            if all(life.is_up for life in awaited):
                return
            _give_up_on_hopeless(awaited)
            self._rest()
        raise StopAsked

    def run_until_signal(self) -> None:
        """Restart what ends, until a signal asks to stop; leaving the with block then stops all."""
        while not self.is_stop_asked:
            self._step()
            self._rest()

    def stop(self) -> None:
        """Stop the stages, the last one first, and return when nothing of them is left."""
        try:
            while self._stages:
                self._stop_stage(self._stages[-1])
                self._stages.pop()
        finally:  # whatever interrupts the waiting: no orphans
            for life in self._lives():
                life.kill()
            self._stages.clear()

    def pid_of(self, name: str) -> int | None:
        """The process that runs as this child now, or None between an end and a restart."""
        return next((life.pid for life in self._lives() if life.child.name == name), None)

    def _lives(self) -> list[Life]:
        return [life for stage in self._stages for life in stage]

    def _step(self) -> None:
        now = time.monotonic()
        for life in self._lives():
            life.step(now)
        self._reap_orphans()

    def _rest(self) -> None:
        now = time.monotonic()
        self._sleep(min((life.wait_s(now) for life in self._lives()), default=IDLE_ROUND_S))

    def _stop_stage(self, stage: list[Life]) -> None:
        for life in stage:
            life.ask_to_stop(time.monotonic())
        while True:
            now = float("inf") if self._is_grace_over else time.monotonic()
            remaining = [life for life in stage if not life.step_towards_end(now)]
            if not remaining:
                return
            self._sleep(READY_POLL_S)

    def _reap_orphans(self) -> None:
        """As a container's first process, bury what children of ours left behind."""
        if os.getpid() != 1:
            return
        own = {life.pid for life in self._lives()}
        peek = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, peek)) and ended.si_pid not in own:
                os.waitpid(ended.si_pid, 0)

    def _take_signals(self) -> None:
        heard, woken = socket.socketpair()
        for end in (heard, woken):
            end.setblocking(False)
            self._resources.enter_context(end)
        self._wakeups = [heard]
        previous = signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        self._resources.callback(signal.set_wakeup_fd, previous)
        self._handle(signal.SIGCHLD, lambda _signal, _frame: None)  # only wakes the loop
        for asking in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if asking != signal.SIGHUP or signal.getsignal(asking) != signal.SIG_IGN:  # nohup
                self._handle(asking, self._on_signal)

    def _handle(
        self, number: signal.Signals, handler: Callable[[int, FrameType | None], None]
    ) -> None:
        previous = signal.signal(number, handler)
        self._resources.callback(signal.signal, number, previous or signal.SIG_DFL)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        elif now - self._asked_at > DOUBLE_DELIVERY_S:
            self._is_grace_over = True

    def _sleep(self, timeout_s: float) -> None:
        heard, _, _ = select.select(self._wakeups, [], [], min(timeout_s, IDLE_ROUND_S))
        for wakeup in heard:
            with contextlib.suppress(BlockingIOError):
                wakeup.recv(4096)


def _give_up_on_hopeless(stage: Sequence[Life]) -> None:
    for life in stage:
        if (life.ends_before_up or 0) >= START_ATTEMPTS:
            raise Unavailable(
                f"{life.child.name} ended {START_ATTEMPTS} times before it was ready: "
                f"{life.last_end}"
            )
