"""What people see of a start and of an end: a line for each step that is done."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.text import Text

from app.cli import output
from app.processes import Event


class Steps:
    def __init__(self, is_stderr: bool = False) -> None:
        self.console = output.console(is_stderr)
        self._is_stopping = False

    @contextmanager
    def step(self, doing: str, done: str) -> Iterator[None]:
        """A spinner while it is done, then a line that says how long it took."""
        with self.timed(done), self.console.status(doing):
            yield

    @contextmanager
    def timed(self, done: str) -> Iterator[None]:
        """The line alone, where what is done shows itself."""
        started = time.monotonic()
        yield
        self.done(done, f"{time.monotonic() - started:.1f} s")

    def done(self, what: str, detail: str = "") -> None:
        self._line("green", "✓", what, detail)

    def note(self, line: str) -> None:
        self._line("cyan", "·", line)

    def trouble(self, line: str) -> None:
        self._line("yellow", "!", line)

    def show(self, name: str, event: Event) -> None:
        """An event of the supervisor."""
        if event.kind == "ready":
            self.done(f"{name} is up", event.detail.removeprefix("after "))
        elif event.kind == "ended":
            self.trouble(f"{name} ended {event.detail}; it is started again")
        elif event.kind == "waiting":
            self.note(f"{name} is starting, {event.detail.removeprefix('for ')}")
        elif event.kind == "stopping" and not self._is_stopping:
            self._is_stopping = True
            self.note("stopping; Ctrl-C once more does not wait for anything")
        elif event.kind == "killed":
            self.trouble(f"{name} was killed: {event.detail}")
        elif event.kind == "stopped":
            self.note(f"{name} stopped")

    def _line(self, color: str, sign: str, what: str, detail: str = "") -> None:
        what, detail = output.visible(what), output.visible(f"  {detail}".rstrip())
        line = Text.assemble((sign, color), " ", what, (detail, "dim"))
        self.console.print(line, soft_wrap=True)
