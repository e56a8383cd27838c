"""Where a child waits with what it has loaded, until what it needs is there."""

import os
from types import TracebackType
from typing import Self


class Gate:
    """The child gets `fd`, in `kept_fds`, and calls `pass_through`. Opened, it stays open, so that
    a child that is started again does not wait."""

    def __init__(self) -> None:
        self.fd, self._bar = os.pipe()
        self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.open()
        os.close(self.fd)

    def open(self) -> None:
        """Let all through that wait, and all that come."""
        if not self._is_open:
            self._is_open = True
            os.close(self._bar)


def pass_through(fd: int) -> None:
    """In the child: return when the gate is open."""
    os.read(fd, 1)  # nothing is ever written: it returns when the bar is gone
    os.close(fd)
