"""One child under a supervisor: started, waited for, buried, started again, stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.processes.child import REMAINS_S, Child, spawn

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# Up for so long: the next end is a new trouble, not the same one again. Less is needed where being
# up is known, not only supposed.
STEADY_AFTER_S = 10.0
STEADY_AFTER_READY_S = 1.0
READY_POLL_S = 0.02
IDLE_ROUND_S = 1.0  # signals wake the loop; this is for the case that somebody took them away
PROGRESS_EVERY_S = 5.0

EventKind = Literal["starting", "waiting", "ready", "ended", "stopping", "killed", "stopped"]


@dataclass(frozen=True)
class Event:
    """What happened to a child; `detail` is for people."""

    kind: EventKind
    detail: str = ""


Listener = Callable[[str, Event], None]


class Life:
    """One child under the supervisor: running, waited for, or due to be started again."""

    def __init__(self, child: Child, tell: Listener) -> None:
        self.child = child
        self.is_up = False
        self.ends_before_up: int | None = 0  # None once it has been up
        self.last_end = ""
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._pause_s = FIRST_PAUSE_S
        self._due_at = 0.0
        self._since = 0.0  # when it was started, and from then on when it came up
        self._told_at = 0.0
        self._kill_at = 0.0
        self._remains: dict[int, float] = {}  # process groups, and until when some may be left

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def wait_s(self, now: float) -> float:
        """How long the supervisor may sleep as far as this child is concerned."""
        if self._process is None:
            return max(0.0, self._due_at - now)
        return IDLE_ROUND_S if self.is_up else READY_POLL_S

    def step(self, now: float) -> None:
        """Do what is due: start it, notice that it is ready, or that it has ended."""
        if self._process is None:
            if now >= self._due_at:
                self._start(now)
        elif self._process.poll() is not None:
            self._bury(now)
            self._plan_restart(now)
        elif not self.is_up:
            self._ask(now)

    def _start(self, now: float) -> None:
        self._since = self._told_at = now
        if self.child.clear_way is not None:
            self.child.clear_way()
        try:
            self._process = spawn(self.child)
        except OSError as error:  # no memory or disk left, perhaps only for now
            self._note_end(f"cannot be started: {error}")
            self._plan_restart(now)
            return
        self._say("starting", f"pid {self._process.pid}")

    def _ask(self, now: float) -> None:
        if self.child.is_ready is None or self.child.is_ready():
            waited_s = now - self._since
            self.is_up, self.ends_before_up, self._since = True, None, now
            self._say("ready", f"after {waited_s:.2f} s")
        elif now - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = now
            self._say("waiting", f"for {now - self._since:.0f} s; {_last_line(self.child)}")

    def _bury(self, now: float) -> None:
        """Note how it ended, and end what it left behind in its group."""
        assert self._process is not None  # it is running, or nobody would call
        if self.child.is_outlived:
            self._remains[self._process.pid] = now + REMAINS_S
        else:
            _kill_group(self._process.pid)
        steady_after_s = STEADY_AFTER_READY_S if self.child.is_ready else STEADY_AFTER_S
        if self.is_up and now - self._since >= steady_after_s:
            self._pause_s = FIRST_PAUSE_S
        cause = _cause(self._process.returncode)
        self._process, self.is_up = None, False
        self._note_end(f"{cause}; {_last_line(self.child)}".rstrip("; "))

    def _note_end(self, cause: str) -> None:
        self.last_end = cause
        if self.ends_before_up is not None:
            self.ends_before_up += 1
        self._say("ended", cause)

    def _plan_restart(self, now: float) -> None:
        self._due_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def ask_to_stop(self, now: float) -> None:
        """Send the stop signal; `step_towards_end` sees to the rest."""
        if self._process is None or self._process.poll() is not None:
            return
        self._kill_at = now + self.child.grace_s
        self._process.send_signal(self.child.stop_signal)
        self._say("stopping")

    def step_towards_end(self, now: float) -> bool:
        """Whether it is gone; kills it when its grace is over."""
        self._kill_remains(now)
        if self._process is None:
            return True
        if self._process.poll() is None:
            if now >= self._kill_at:
                self._say("killed", f"it did not end within {self.child.grace_s:g} s")
                self.kill()
            return False
        _kill_group(self._process.pid)
        self._say("stopped", _cause(self._process.returncode))
        self._process = None
        return True

    def kill(self) -> None:
        """End it and its process group at once, and wait for that; says nothing, cannot fail."""
        self._kill_remains(time.monotonic())
        if self._process is not None:
            _kill_group(self._process.pid)
            self._process.wait()

    def _kill_remains(self, now: float) -> None:
        """Of those that outlive their child; numbers of old groups may be others' by now."""
        for group, until in self._remains.items():
            if now < until:
                _kill_group(group)
        self._remains.clear()

    def _say(self, kind: EventKind, detail: str = "") -> None:
        with contextlib.suppress(OSError):  # the listener's terminal may be gone
            self._tell(self.child.name, Event(kind, detail))


def _kill_group(number: int) -> None:
    # A process group keeps its number from being given away while a member is left; macOS
    # answers EPERM for a group of zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(number, signal.SIGKILL)


def _cause(returncode: int) -> str:
    if returncode < 0:
        names = {int(known): known.name for known in signal.Signals}
        return f"by {names.get(-returncode, f'signal {-returncode}')}"
    return f"with exit code {returncode}"


def _last_line(child: Child) -> str:
    """The end of its log, which mostly says what it is doing or what it died of."""
    if child.log_path is None:
        return ""
    try:
        with child.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
            lines = log.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
